output "arn" {
  description = "ARN of the permissions boundary, for the boundary_arn of every module."
  value       = aws_iam_policy.this.arn
}
