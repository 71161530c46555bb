output "log_group_name" {
  description = "Log group with the history of every execution, without its data."
  value       = aws_cloudwatch_log_group.this.name
}

output "role_arn" {
  description = "Role the state machine runs as."
  value       = module.role.arn
}

output "state_machine_arn" {
  description = "The state machine: start executions here."
  value       = aws_sfn_state_machine.this.arn
}

output "topic_arn" {
  description = "SNS topic with failed images, images for review and failed runs."
  value       = aws_sns_topic.failures.arn
}
