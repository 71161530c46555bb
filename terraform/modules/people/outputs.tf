output "approver_role_arn" {
  description = "ARN of the role that approves models; null where nobody does."
  value       = one(module.approver[*].arn)
}

output "operator_role_arn" {
  description = "ARN of the role that trains, classifies and reads results; null where nobody does."
  value       = one(module.operator[*].arn)
}
