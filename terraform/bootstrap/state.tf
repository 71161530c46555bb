resource "aws_kms_key" "state" {
  description             = "${var.project}: Terraform state"
  deletion_window_in_days = 30
  enable_key_rotation     = true

  # The account as principal leaves the choice to IAM; use is possible through S3 only.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Administration"
        Effect    = "Allow"
        Principal = { AWS = local._root }
        Action = [
          "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
          "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants",
          "kms:ListKeyPolicies", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RotateKeyOnDemand",
          "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
        ]
        Resource = "*"
      },
      {
        Sid       = "UseThroughS3"
        Effect    = "Allow"
        Principal = { AWS = local._root }
        Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = {
          StringEquals = {
            "kms:CallerAccount" = var.account_id
            "kms:ViaService"    = "s3.${var.region}.amazonaws.com"
          }
        }
      },
    ]
  })
}

resource "aws_kms_alias" "state" {
  name          = "alias/${var.project}-state"
  target_key_id = aws_kms_key.state.key_id
}

module "state_logs" {
  source = "../modules/bucket"

  name              = "${var.project}-${var.account_id}-state-logs"
  access_log_target = true
}

# No VPC endpoint: the pipeline runs at GitHub. So the wall stands all around, and the named roles alone
# have a door. Lock files (use_lockfile) are objects beside the state and need nothing more.
module "state" {
  source = "../modules/bucket"

  name        = "${var.project}-${var.account_id}-state"
  key_arn     = aws_kms_key.state.arn
  key_aliases = [aws_kms_alias.state.name]
  log_bucket  = module.state_logs.log_target

  # Every apply leaves a version behind; a year of them is the way back from a spoilt state.
  lifecycle_rules = { noncurrent_days = 365 }

  outside_access = [
    {
      name           = "pipeline"
      principal_arns = values(local._ci_roles)
      reason         = "The pipeline reads the state to plan and writes it to apply"
    },
    {
      name           = "administrators"
      principal_arns = var.administrators
      reason         = "People repair a state or a lock that the pipeline left behind"
    },
  ]
}
