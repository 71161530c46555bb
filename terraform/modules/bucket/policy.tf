data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # Composed from the name rather than read from the bucket, so that it is known in the plan and with it
  # every policy that names the bucket: a plan is reviewed and scanned before anything exists.
  _arn = "arn:${data.aws_partition.current.partition}:s3:::${aws_s3_bucket.this.bucket}"

  _outside_arns = sort(distinct(flatten(var.outside_access[*].principal_arns)))

  # Use of data, not administration: whoever runs Terraform manages the bucket from anywhere. ListBucket
  # is missing because HeadBucket needs it and every plan begins with HeadBucket: names of objects are
  # guarded by IAM alone, their contents and versions by the wall below.
  _data_actions = [
    "s3:AbortMultipartUpload",
    "s3:BypassGovernanceRetention",
    "s3:DeleteObject*",
    "s3:GetObject*",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:ListMultipartUploadParts",
    "s3:PutObject*",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
    "s3:RestoreObject",
  ]

  # All conditions of one statement must hold for it to deny. A request that did not come through an
  # endpoint has no aws:SourceVpce, and a negated test of an absent key holds.
  _wall_condition = merge(
    {
      # Log delivery and notifications come from a service, forwarded sessions from one acting for a
      # caller who was checked at its own front door.
      BoolIfExists = {
        "aws:PrincipalIsAWSService" = "false"
        "aws:ViaAWSService"         = "false"
      }
    },
    length(var.vpc_endpoint_ids) == 0 ? {} : {
      StringNotEquals = { "aws:SourceVpce" = sort(var.vpc_endpoint_ids) }
    },
    length(local._outside_arns) == 0 ? {} : {
      ArnNotLike = { "aws:PrincipalArn" = local._outside_arns }
    },
  )

  _everywhere = [local._arn, "${local._arn}/*"]

  _statements = concat(
    [
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "s3:*"
        Resource  = local._everywhere
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DenyDataOutsideVpcEndpoint"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = local._data_actions
        Resource  = local._everywhere
        Condition = local._wall_condition
      },
    ],
    # Null and StringNotEquals together: a put without the header is encrypted by the bucket's default
    # and may pass; one that asks for anything else may not.
    [
      for statement in [
        {
          Sid       = "DenyOtherKey"
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = "s3:PutObject"
          Resource  = "${local._arn}/*"
          Condition = {
            Null = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "false" }
            StringNotEquals = {
              "s3:x-amz-server-side-encryption-aws-kms-key-id" = sort(concat(compact([var.key_arn]), var.key_aliases))
            }
          }
        },
        {
          Sid       = "DenyOtherEncryption"
          Effect    = "Deny"
          Principal = { AWS = "*" }
          Action    = "s3:PutObject"
          Resource  = "${local._arn}/*"
          Condition = {
            Null            = { "s3:x-amz-server-side-encryption" = "false" }
            StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
          }
        },
      ] : statement if !var.access_log_target
    ],
    !var.access_log_target ? [] : [
      {
        Sid       = "AccessLogDelivery"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local._arn}/*"
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
    ],
  )
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.bucket
  policy = jsonencode({ Version = "2012-10-17", Statement = local._statements })

  # S3 answers two changes of a bucket's access settings at once with a conflict.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
