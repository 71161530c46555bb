# But for log_target, nothing here waits for the bucket's policy, its lifecycle (almost a minute) or its encryption: the
# policy names endpoints and roles, which in their turn name the bucket, and a wait would be a circle.

output "arn" {
  description = "ARN of the bucket."
  value       = local._arn
}

output "key_arn" {
  description = "ARN of the key that encrypts the bucket; null for an access log target."
  value       = var.key_arn
}

output "log_target" {
  description = "Name of the bucket for the log_bucket of others, once its policy admits log delivery; null unless it is an access log target."
  value       = var.access_log_target ? aws_s3_bucket_policy.this.bucket : null
}

output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket
}
