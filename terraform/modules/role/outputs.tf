# Composed from the name, so that a plan shows it wherever it is used, before the role exists.
output "arn" {
  description = "ARN of the role. Whatever uses it is made after the role's policy, and can rely on it."
  value = join(":", [
    "arn", data.aws_partition.current.partition, "iam", "", data.aws_caller_identity.current.account_id,
    "role/${aws_iam_role.this.name}",
  ])
  depends_on = [aws_iam_role_policy.this]
}

output "name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}

output "wildcard_reasons" {
  description = "Reasons given for wildcards, by statement: the policy gate and the least-privilege report print them."
  value       = { for s in var.statements : s.sid => s.wildcard_reason if s.wildcard_reason != null }
}
