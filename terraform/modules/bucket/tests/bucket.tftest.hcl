mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name             = "slipway-dev-123456789012-data"
  key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  log_bucket       = "slipway-dev-123456789012-logs"
  vpc_endpoint_ids = ["vpce-0bbb", "vpce-0aaa"]

  outside_access = [
    {
      name           = "workflow"
      principal_arns = ["arn:aws:iam::123456789012:role/slipway-dev-vehicles-workflow"]
      reason         = "Step Functions lists and reads a prefix itself, outside the VPC"
    },
    {
      name           = "deployer"
      principal_arns = ["arn:aws:iam::123456789012:role/deployer", "arn:aws:iam::123456789012:role/slipway-dev-vehicles-workflow"]
      reason         = "Uploads datasets from the build server"
    },
  ]

  lifecycle_rules = {
    expirations = { capture = { prefix = "vehicles/capture/", days = 30 } }
  }
}

run "data_bucket" {
  command = plan

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Sid] == ["DenyWithoutTls", "DenyDataOutsideVpcEndpoint", "DenyOtherKey", "DenyOtherEncryption"]
    error_message = "A data bucket's policy must hold exactly these statements."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Resource == [output.arn, "${output.arn}/*"] && output.arn == "arn:aws:s3:::slipway-dev-123456789012-data"
    error_message = "The denials must cover the bucket and its objects."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Effect == "Deny"])
    error_message = "A data bucket's policy must grant nothing: grants belong to roles."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement[1].Condition == {
      ArnNotLike = {
        "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/deployer", "arn:aws:iam::123456789012:role/slipway-dev-vehicles-workflow"]
      }
      BoolIfExists    = { "aws:PrincipalIsAWSService" = "false", "aws:ViaAWSService" = "false" }
      StringNotEquals = { "aws:SourceVpce" = ["vpce-0aaa", "vpce-0bbb"] }
    }
    error_message = "The wall must name the endpoints and the exceptions, each once and sorted, and let AWS services pass."
  }

  assert {
    condition = length(setintersection(
      jsondecode(aws_s3_bucket_policy.this.policy).Statement[1].Action,
      ["s3:*", "s3:ListBucket", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:GetBucket*"]
    )) == 0
    error_message = "The wall must not keep out whoever administers the bucket."
  }

  assert {
    condition     = length(setintersection(jsondecode(aws_s3_bucket_policy.this.policy).Statement[1].Action, ["s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*", "s3:ListBucketVersions"])) == 4
    error_message = "The wall must stop reading, writing, deleting and listing versions."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[2].Condition.StringNotEquals["s3:x-amz-server-side-encryption-aws-kms-key-id"] == [var.key_arn]
    error_message = "Objects must be encrypted with the bucket's own key only."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.key_arn
    error_message = "The default encryption must use the given key."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled
    error_message = "Without a bucket key every object costs a call to KMS."
  }

  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled"
    error_message = "Versioning must be on."
  }

  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs must be off."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All four public access blocks must be on."
  }

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.this.rule[0].abort_incomplete_multipart_upload).days_after_initiation == 7
    error_message = "Unfinished uploads must be aborted."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[1].id == "expire-capture" && one(aws_s3_bucket_lifecycle_configuration.this.rule[1].expiration).days == 30
    error_message = "The expiration of the captured traffic is missing."
  }

  assert {
    condition     = one(aws_s3_bucket_logging.this).target_prefix == "slipway-dev-123456789012-data/"
    error_message = "Access logs must go to the log bucket under the bucket's own name."
  }

  assert {
    condition     = length(aws_s3_bucket_notification.this) == 0
    error_message = "Nobody is told of events unless asked for."
  }
}

run "alias_of_the_key" {
  command = plan

  variables {
    key_aliases = ["alias/slipway-state"]
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[2].Condition.StringNotEquals["s3:x-amz-server-side-encryption-aws-kms-key-id"] == ["alias/slipway-state", var.key_arn]
    error_message = "A put may name the key by its alias."
  }
}

run "access_log_target" {
  command = plan

  variables {
    access_log_target = true
    key_arn           = null
    log_bucket        = null
    outside_access    = []
    vpc_endpoint_ids  = []
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "S3 delivers access logs into SSE-S3 only."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Sid] == ["DenyWithoutTls", "DenyDataOutsideVpcEndpoint", "AccessLogDelivery"]
    error_message = "A log target admits log delivery and has no key to defend."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement[2].Condition == {
      StringEquals = { "aws:SourceAccount" = "123456789012" }
    }
    error_message = "Log delivery must be for this account's buckets."
  }

  assert {
    condition     = keys(jsondecode(aws_s3_bucket_policy.this.policy).Statement[1].Condition) == ["BoolIfExists"]
    error_message = "Without endpoints and exceptions nobody but AWS services may use the data."
  }

  assert {
    condition     = length(aws_s3_bucket_logging.this) == 0
    error_message = "A log target must not log its own deliveries."
  }
}

run "notifications" {
  command = plan

  variables {
    notifications = {
      eventbridge = true
      functions   = { classify = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-classify:live", prefix = "incoming/", suffix = ".png" } }
      queues      = { audit = { arn = "arn:aws:sqs:eu-west-1:123456789012:slipway-dev-audit", events = ["s3:ObjectRemoved:*"] } }
    }
  }

  assert {
    condition     = one(aws_s3_bucket_notification.this).eventbridge
    error_message = "EventBridge was asked for."
  }

  assert {
    condition     = one(one(aws_s3_bucket_notification.this).lambda_function).filter_suffix == ".png"
    error_message = "The function's filter is lost."
  }

  assert {
    condition     = one(one(aws_s3_bucket_notification.this).queue).events == toset(["s3:ObjectRemoved:*"])
    error_message = "The queue's events are lost."
  }
}

# One run per way to fail: a run that expects a variable to fail is content with any of its validations.

run "refuses_no_key_bad_name_and_wildcard_exception" {
  command = plan
  variables {
    key_arn        = null
    name           = "Slipway.Data"
    outside_access = [{ name = "all", principal_arns = ["*"], reason = "so that it works" }]
  }
  expect_failures = [var.key_arn, var.name, var.outside_access]
}

run "refuses_alias_reserved_name_and_missing_reason" {
  command = plan
  variables {
    key_arn        = "arn:aws:kms:eu-west-1:123456789012:alias/slipway-dev-data"
    name           = "slipway-dev-s3alias"
    outside_access = [{ name = "deployer", principal_arns = ["arn:aws:iam::123456789012:role/deployer"], reason = "" }]
  }
  expect_failures = [var.key_arn, var.name, var.outside_access]
}

run "refuses_key_and_log_bucket_of_a_log_target" {
  command = plan
  variables {
    access_log_target = true
  }
  expect_failures = [var.key_arn, var.log_bucket]
}

run "refuses_name_of_64_characters_and_every_role" {
  command = plan
  variables {
    name           = "slipway-development-environment-of-the-second-team-123456789012x"
    outside_access = [{ name = "all", principal_arns = ["arn:aws:iam::123456789012:role/*"], reason = "so that it works" }]
  }
  expect_failures = [var.name, var.outside_access]
}

run "refuses_same_exception_twice_and_bad_endpoint" {
  command = plan
  variables {
    vpc_endpoint_ids = ["vpc-0123"]
    outside_access = [
      { name = "same", principal_arns = ["arn:aws:iam::123456789012:role/deployer"], reason = "uploads datasets" },
      { name = "same", principal_arns = ["arn:aws:iam::123456789012:role/reader"], reason = "reads results" },
    ]
  }
  expect_failures = [var.outside_access, var.vpc_endpoint_ids]
}

run "refuses_half_days_and_unqualified_function" {
  command = plan
  variables {
    key_aliases     = ["slipway-state"]
    lifecycle_rules = { abort_days = 0.5 }
    notifications   = { functions = { classify = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-classify" } } }
  }
  expect_failures = [var.key_aliases, var.lifecycle_rules, var.notifications]
}

run "refuses_expiry_of_everything_and_unknown_event" {
  command = plan
  variables {
    lifecycle_rules = { expirations = { all = { prefix = "", days = 1 } } }
    notifications   = { queues = { audit = { arn = "arn:aws:sqs:eu-west-1:123456789012:q", events = ["ObjectCreated"] } } }
  }
  expect_failures = [var.lifecycle_rules, var.notifications]
}

run "refuses_one_name_for_function_and_queue" {
  command = plan
  variables {
    notifications = {
      functions = { same = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-classify:live" } }
      queues    = { same = { arn = "arn:aws:sqs:eu-west-1:123456789012:q" } }
    }
  }
  expect_failures = [var.notifications]
}
