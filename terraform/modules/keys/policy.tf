# The principal of every statement for people and roles is the account, narrowed by a condition, never
# a role's own ARN: KMS stores the role's internal id instead of the ARN it is given, so that a role
# deleted and made again would be locked out of its own keys for ever. With the account as principal a
# caller needs the permission in its IAM policy too, which is the second half of least privilege.

locals {
  # No Encrypt, no Decrypt, no GenerateDataKey: administrators cannot read what the keys protect.
  _administration_actions = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
  ]

  _use_actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]

  _administration = merge(
    {
      Sid       = "Administration"
      Effect    = "Allow"
      Principal = { AWS = local._root }
      Action    = local._administration_actions
      Resource  = "*"
    },
    length(var.administrators) == 0 ? {} : {
      Condition = { ArnEquals = { "aws:PrincipalArn" = sort(var.administrators) } }
    },
  )

  # Auditors and "terraform plan" read settings without being able to change or use anything.
  _reading = {
    Sid       = "ReadSettings"
    Effect    = "Allow"
    Principal = { AWS = local._root }
    Action = [
      "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListKeyPolicies", "kms:ListResourceTags",
    ]
    Resource = "*"
  }

  _via = {
    for purpose, spec in local._purposes : purpose => [
      for service in spec.via : "${service}.${local._region}.amazonaws.com"
    ]
  }

  _policies = {
    for purpose, spec in local._purposes : purpose => {
      Version = "2012-10-17"
      Statement = concat(
        [
          local._administration,
          local._reading,
          {
            Sid       = "UseThroughServices"
            Effect    = "Allow"
            Principal = { AWS = local._root }
            Action    = local._use_actions
            Resource  = "*"
            Condition = {
              StringEquals = {
                "kms:CallerAccount" = local._account
                "kms:ViaService"    = local._via[purpose]
              }
            }
          },
          # Volumes, registries and functions outlive the call that made them: their service keeps a grant.
          {
            Sid       = "GrantsForServices"
            Effect    = "Allow"
            Principal = { AWS = local._root }
            Action    = "kms:CreateGrant"
            Resource  = "*"
            Condition = {
              Bool = { "kms:GrantIsForAWSResource" = "true" }
              StringEquals = {
                "kms:CallerAccount" = local._account
                "kms:ViaService"    = local._via[purpose]
              }
            }
          },
        ],
        [
          for service in spec.services : {
            Sid       = "${title(service)}OnBehalfOfThisAccount"
            Effect    = "Allow"
            Principal = { Service = "${service}.amazonaws.com" }
            Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
            Resource  = "*"
            Condition = { StringEquals = { "aws:SourceAccount" = local._account } }
          }
        ],
        # No policy of the account reaches a service-linked role, so the key's own has to name it.
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
        [for statement in [
          {
            Sid       = "VolumesOfAutoScaling"
            Effect    = "Allow"
            Principal = { AWS = local._autoscaling_role }
            Action    = local._use_actions
            Resource  = "*"
            Condition = { StringEquals = { "kms:ViaService" = "ec2.${local._region}.amazonaws.com" } }
          },
          {
            Sid       = "GrantsForVolumesOfAutoScaling"
            Effect    = "Allow"
            Principal = { AWS = local._autoscaling_role }
            Action    = "kms:CreateGrant"
            Resource  = "*"
            Condition = {
              Bool         = { "kms:GrantIsForAWSResource" = "true" }
              StringEquals = { "kms:ViaService" = "ec2.${local._region}.amazonaws.com" }
            }
          },
        ] : statement if purpose == "data" && var.autoscaled_volumes],
        # A state machine under one of these keys sends its log encrypted; delivery decrypts it, naming this
        # account's logs in the encryption context, before the log group's own key takes over.
        !contains(local._purposes[purpose].via, "states") ? [] : [
          {
            Sid       = "LogDeliveryOfStateMachines"
            Effect    = "Allow"
            Principal = { Service = "delivery.logs.amazonaws.com" }
            Action    = "kms:Decrypt"
            Resource  = "*"
            Condition = {
              StringEquals = {
                "kms:EncryptionContext:SourceArn" = join(":", [
                  "arn", data.aws_partition.current.partition, "logs", local._region, local._account, "*",
                ])
              }
            }
          },
        ],
        purpose != "logs" ? [] : [
          # CloudWatch Logs names the log group in the encryption context of every call.
          {
            Sid       = "CloudWatchLogs"
            Effect    = "Allow"
            Principal = { Service = "logs.${local._region}.amazonaws.com" }
            Action    = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
            Resource  = "*"
            Condition = {
              ArnLike = {
                "kms:EncryptionContext:aws:logs:arn" = join(":", [
                  "arn", data.aws_partition.current.partition, "logs", local._region, local._account, "log-group", "*",
                ])
              }
            }
          },
        ],
      )
    }
  }
}
