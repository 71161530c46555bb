output "topic_arn" {
  description = "ARN of the topic, for the alarm actions of every module."
  value       = local._arn
}
