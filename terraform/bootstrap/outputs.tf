output "backend" {
  description = "The backend block for this folder's own state: terraform output -raw backend > backend.tf."
  value       = <<-EOT
    terraform {
      backend "s3" {
        bucket       = "${module.state.name}"
        encrypt      = true
        key          = "bootstrap/terraform.tfstate"
        kms_key_id   = "${aws_kms_alias.state.name}"
        region       = "${var.region}"
        use_lockfile = true
      }
    }
  EOT
}

output "boundary_arn" {
  description = "ARN of the permissions boundary, for the environments' settings (boundary.arn)."
  value       = module.boundary.arn
}

output "deploy_role_arn" {
  description = "ARN of the role that applies, for the jobs of the GitHub environments."
  value       = aws_iam_role.ci["deploy"].arn
}

output "plan_role_arn" {
  description = "ARN of the role that plans and cannot change anything."
  value       = aws_iam_role.ci["plan"].arn
}

output "state_bucket" {
  description = "Name of the state bucket, for the environments' settings (state.s3.bucket)."
  value       = module.state.name
}

output "state_key_alias" {
  description = "Alias of the key of the state, for the environments' settings (state.s3.kms_key_id)."
  value       = aws_kms_alias.state.name
}
