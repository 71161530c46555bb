output "arn" {
  description = "ARN of the role, known once its policy is attached: a resource that takes the role can use it at once."
  value       = aws_iam_role.this.arn
  depends_on  = [aws_iam_role_policy.this]
}

output "name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}

output "wildcard_reasons" {
  description = "Reasons given for wildcards, by statement: the policy gate and the least-privilege report print them."
  value       = { for s in var.statements : s.sid => s.wildcard_reason if s.wildcard_reason != null }
}
