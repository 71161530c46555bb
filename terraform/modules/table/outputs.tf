output "arn" {
  description = "ARN of the table."
  value       = local._arn
}

output "name" {
  description = "Name of the table, once its policy stands."
  value       = aws_dynamodb_table.this.name

  depends_on = [aws_dynamodb_resource_policy.this]
}
