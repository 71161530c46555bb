output "alias_arn" {
  description = "ARN of the alias live, the only way in for callers."
  value       = aws_lambda_alias.live.arn
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue that receives asynchronous events which failed for good."
  value       = aws_sqs_queue.dead_letters.arn
}

output "function_arn" {
  description = "ARN of the function, without a qualifier."
  value       = aws_lambda_function.this.arn
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "role_arn" {
  description = "ARN of the execution role."
  value       = module.role.arn
}

output "role_name" {
  description = "Name of the execution role."
  value       = module.role.name
}
