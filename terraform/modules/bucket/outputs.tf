# Nothing here waits for the bucket's policy, its lifecycle (almost a minute) or its encryption: the
# policy names endpoints and roles, which in their turn name the bucket, and a wait would be a circle.

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "key_arn" {
  description = "ARN of the key that encrypts the bucket; null for an access log target."
  value       = var.key_arn
}

output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}
