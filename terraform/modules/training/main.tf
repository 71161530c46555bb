data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # Provider 5 knows the region as name, provider 6 as region; id is right in both.
  _region     = data.aws_region.current.id
  _partition  = data.aws_partition.current.partition
  _account    = "${local._region}:${data.aws_caller_identity.current.account_id}"
  _dns_suffix = data.aws_partition.current.dns_suffix

  # Keys of the buckets, and the same as URIs. Artefacts end up under <artefacts>/<job>/output/model.tar.gz.
  _dataset_prefix    = "${var.workload}/dataset"
  _artifact_prefix   = "${var.workload}/artifacts"
  _checkpoint_prefix = "${var.workload}/checkpoints"
  _code_prefix       = "${var.workload}/code"
  _artifact_uri      = "s3://${var.buckets.models.name}/${local._artifact_prefix}"
  _code_uri          = "s3://${var.buckets.models.name}/${local._code_prefix}"
  _checkpoint_uri    = "s3://${var.buckets.models.name}/${local._checkpoint_prefix}"
  _dataset_uri       = "s3://${var.buckets.data.name}/${local._dataset_prefix}"

  _security_group_ids = [var.network.security_group_id, aws_security_group.cluster.id]

  _machine_name = "${var.name}-retrain"
}

resource "aws_ecr_repository" "this" {
  for_each = toset(["serving", "training"])

  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_delete_images

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.keys.model
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Layers that no tag names any more"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "Keep the last 50: enough to go back to any model that may still be live"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 50 }
        action       = { type = "expire" }
      },
    ]
  })
}

resource "aws_sagemaker_model_package_group" "this" {
  model_package_group_name        = var.name
  model_package_group_description = "Models of ${var.workload} that passed the gate and wait for approval"
}
