output "artifact_prefix" {
  description = "S3 URI under which jobs write <job>/output/model.tar.gz."
  value       = local._artifact_uri
}

output "code_prefix" {
  description = "S3 URI under which the state machine accepts <folder>/sourcedir.tar.gz."
  value       = local._code_uri
}

output "job_environment" {
  description = "Everything that a job of this workload stands on: the facts of which this module makes its own requests."
  value = {
    artifact_uri       = local._artifact_uri
    checkpoint_uri     = local._checkpoint_uri
    code_uri           = local._code_uri
    data_bucket        = var.buckets.data.name
    dataset_uri        = local._dataset_uri
    image              = var.job.image
    job_name_prefix    = "${var.name}-"
    output_key_arn     = var.keys.model
    region             = local._region
    role_arn           = module.job_role.arn
    security_group_ids = local._security_group_ids
    subnet_ids         = var.network.subnet_ids
    tags               = local._job_tags
    tuning_name_prefix = "${coalesce(var.tuning_name, var.name)}-"
    volume_key_arn     = var.keys.model
  }
}

output "job_name_prefix" {
  description = "What every job name handed to the state machine must begin with."
  value       = "${var.name}-"
}

output "model_package_group_name" {
  description = "Name of the model package group in which accepted models wait for approval."
  value       = aws_sagemaker_model_package_group.this.model_package_group_name
}

output "repository_urls" {
  description = "Repository URLs by use: training, serving."
  value       = { for use, repository in aws_ecr_repository.this : use => repository.repository_url }
}

output "role_arn" {
  description = "ARN of the execution role of training jobs."
  value       = module.job_role.arn
}

output "security_group_ids" {
  description = "Security groups of a training job: the client group, and the group in which its instances meet."
  value       = local._security_group_ids
}

output "state_machine_arn" {
  description = "ARN of the retraining state machine."
  value       = aws_sfn_state_machine.this.arn
}
