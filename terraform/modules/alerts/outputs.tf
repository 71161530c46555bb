output "topic_arn" {
  description = "ARN of the topic, for the alarm actions of every module, once it takes what they publish."
  value       = local._arn

  # An alarm acts as soon as it exists: its first word would find no policy that lets it in.
  depends_on = [aws_sns_topic_policy.this]
}
