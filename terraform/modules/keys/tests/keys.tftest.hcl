mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name           = "slipway-dev"
  administrators = ["arn:aws:iam::123456789012:role/deployer"]
}

run "keys_by_purpose" {
  command = plan

  assert {
    condition     = keys(aws_kms_key.this) == ["data", "logs", "messages", "model"]
    error_message = "There must be one key per purpose."
  }

  assert {
    condition     = alltrue([for key in aws_kms_key.this : key.enable_key_rotation && key.deletion_window_in_days == 30])
    error_message = "Every key must rotate and have 30 days of grace."
  }

  assert {
    condition     = [for alias in aws_kms_alias.this : alias.name] == ["alias/slipway-dev-data", "alias/slipway-dev-logs", "alias/slipway-dev-messages", "alias/slipway-dev-model"]
    error_message = "Every key must have an alias by its purpose."
  }
}

run "logs_of_encrypted_state_machines_are_delivered" {
  command = plan

  assert {
    condition = [
      for purpose in ["data", "logs", "messages", "model"] : [
        for s in jsondecode(aws_kms_key.this[purpose].policy).Statement :
        s.Condition.StringEquals["kms:EncryptionContext:SourceArn"] if s.Sid == "LogDeliveryOfStateMachines"
      ]
    ] == [["arn:aws:logs:eu-west-1:123456789012:*"], [], [], ["arn:aws:logs:eu-west-1:123456789012:*"]]
    error_message = "Log delivery must be able to decrypt under the keys that state machines use, for this account's logs only."
  }
}

run "administration_and_use_are_apart" {
  command = plan

  assert {
    condition = alltrue([
      for key in aws_kms_key.this : length([
        for action in jsondecode(key.policy).Statement[0].Action : action
        if can(regex("^kms:(\\*|Decrypt|Encrypt|GenerateDataKey|ReEncrypt|CreateGrant)", action))
      ]) == 0
    ])
    error_message = "Administrators must not be able to use the keys."
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.this :
      jsondecode(key.policy).Statement[0].Condition.ArnEquals["aws:PrincipalArn"] == ["arn:aws:iam::123456789012:role/deployer"]
    ])
    error_message = "Only the named roles administer."
  }

  assert {
    condition = alltrue(flatten([
      for key in aws_kms_key.this : [
        for s in jsondecode(key.policy).Statement : s.Condition.StringEquals["kms:CallerAccount"] == "123456789012"
        if contains(["UseThroughServices", "GrantsForServices"], s.Sid)
      ]
    ]))
    error_message = "Use must be for this account's callers only."
  }

  assert {
    condition = [
      for s in jsondecode(aws_kms_key.this["data"].policy).Statement : s.Condition.StringEquals["kms:ViaService"]
      if s.Sid == "UseThroughServices"
      ][0] == [
      "dynamodb.eu-west-1.amazonaws.com", "ec2.eu-west-1.amazonaws.com", "lambda.eu-west-1.amazonaws.com",
      "s3.eu-west-1.amazonaws.com", "sagemaker.eu-west-1.amazonaws.com", "states.eu-west-1.amazonaws.com",
    ]
    error_message = "The data key must be used through these services only."
  }

  assert {
    condition = alltrue(flatten([
      for key in aws_kms_key.this : [
        for s in jsondecode(key.policy).Statement : s.Condition.Bool == { "kms:GrantIsForAWSResource" = "true" } if s.Sid == "GrantsForServices"
      ]
    ]))
    error_message = "Grants must be for AWS services only."
  }

  assert {
    condition = alltrue(flatten([
      for key in aws_kms_key.this : [for s in jsondecode(key.policy).Statement : !strcontains(jsonencode(s.Principal), "*")]
    ]))
    error_message = "No statement may have the wildcard principal."
  }
}

run "services_act_for_this_account_only" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_kms_key.this["messages"].policy).Statement : s.Principal.Service if can(s.Principal.Service)
    ] == ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com"]
    error_message = "The messages key must admit the services that publish."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_kms_key.this["messages"].policy).Statement :
      s.Condition == { StringEquals = { "aws:SourceAccount" = "123456789012" } } if can(s.Principal.Service)
    ])
    error_message = "Publishing services must act for this account."
  }

  assert {
    condition = [
      for s in jsondecode(aws_kms_key.this["logs"].policy).Statement : s.Condition if can(s.Principal.Service)
    ] == [{ ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:eu-west-1:123456789012:log-group:*" } }]
    error_message = "CloudWatch Logs must be held to this account's log groups."
  }

  assert {
    condition = [
      for s in jsondecode(aws_kms_key.this["data"].policy).Statement : s.Principal.Service if can(s.Principal.Service)
    ] == ["delivery.logs.amazonaws.com"]
    error_message = "No service but log delivery uses the data key in its own name."
  }
}

run "without_administrators_iam_decides" {
  command = plan

  variables {
    administrators = []
  }

  assert {
    condition     = !can(jsondecode(aws_kms_key.this["data"].policy).Statement[0].Condition)
    error_message = "An empty list must leave the choice to IAM, not lock everybody out."
  }
}

run "refuses_wildcard_short_window_and_aws_alias" {
  command = plan
  variables {
    administrators       = ["arn:aws:iam::123456789012:role/*"]
    deletion_window_days = 6
    name                 = "aws/slipway"
  }
  expect_failures = [var.administrators, var.deletion_window_days, var.name]
}

run "refuses_session_broken_window_and_blanks" {
  command = plan
  variables {
    administrators       = ["arn:aws:sts::123456789012:assumed-role/deployer/me"]
    deletion_window_days = 7.5
    name                 = "slipway dev"
  }
  expect_failures = [var.administrators, var.deletion_window_days, var.name]
}

run "volumes_of_autoscaling_only_when_asked_for" {
  command = plan

  assert {
    condition     = !strcontains(join("", values(aws_kms_key.this)[*].policy), "AWSServiceRoleForAutoScaling")
    error_message = "Without a workbench no group starts instances."
  }
}

run "volumes_of_autoscaling" {
  command = plan

  variables {
    autoscaled_volumes = true
  }

  assert {
    condition = [
      for purpose in ["data", "logs", "messages", "model"] : [
        for s in jsondecode(aws_kms_key.this[purpose].policy).Statement :
        [s.Sid, s.Principal.AWS, s.Condition.StringEquals["kms:ViaService"]] if strcontains(s.Sid, "OfAutoScaling")
      ]
      ] == [[
        ["VolumesOfAutoScaling", "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", "ec2.eu-west-1.amazonaws.com"],
        ["GrantsForVolumesOfAutoScaling", "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", "ec2.eu-west-1.amazonaws.com"],
    ], [], [], []]
    error_message = "The service-linked role uses the data key, through EC2."
  }
}
