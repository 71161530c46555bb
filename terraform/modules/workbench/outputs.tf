output "autoscaling_group_name" {
  description = "Name of the group of none or one instance: a capacity of 1 switches the workbench on."
  value       = aws_autoscaling_group.this.name
}

output "job_uri" {
  description = "S3 URI below which the next instance looks for its job."
  value       = local._settings.WORKBENCH_JOB
}

output "log_group_name" {
  description = "Name of the log group of the jobs."
  value       = aws_cloudwatch_log_group.this.name
}

output "role_arn" {
  description = "ARN of the instances' role."
  value       = module.role.arn
}
