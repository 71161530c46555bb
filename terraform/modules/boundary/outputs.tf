# Composed from the name, so that a plan shows it wherever it is used, before the policy exists.
output "arn" {
  description = "ARN of the permissions boundary, for the boundary_arn of every module."
  value       = "arn:${local._partition}:iam::${local._account}:policy/${aws_iam_policy.this.name}"
}
