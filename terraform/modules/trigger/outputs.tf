output "dead_letter_queue_url" {
  description = "Queue of the uploads that did not reach the target."
  value       = aws_sqs_queue.dead_letters.url
}

output "role_arn" {
  description = "Role that starts the state machine; null for a function, whose own policy lets the rule in."
  value       = one(module.role[*].arn)
}

output "rule_arn" {
  description = "The rule that sees the uploads."
  value       = local._rule_arn
}
