mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name         = "slipway-dev-vehicles-classify-image"
  boundary_arn = "arn:aws:iam::123456789012:policy/slipway-boundary"

  trust = {
    service     = "lambda.amazonaws.com"
    source_arns = ["arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-*"]
  }

  statements = [
    {
      sid       = "ReadImages"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = ["arn:aws:s3:::slipway-dev-123456789012-data/vehicles/incoming/*"]
    },
    {
      sid             = "PublishMetrics"
      actions         = ["cloudwatch:PutMetricData"]
      resources       = ["*"]
      wildcard_reason = "PutMetricData has no resource; the namespace is fixed below"
      conditions = [
        { test = "StringEquals", variable = "cloudwatch:namespace", values = ["Slipway"] },
        { test = "StringEquals", variable = "aws:RequestedRegion", values = ["eu-west-1"] },
        { test = "Bool", variable = "aws:SecureTransport", values = ["true"] },
      ]
    },
  ]
}

run "policy_says_what_the_statements_say" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role_policy.this[0].policy).Statement[0].Resource[0] == "arn:aws:s3:::slipway-dev-123456789012-data/vehicles/incoming/*"
    error_message = "The first statement must keep its resource."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this[0].policy).Statement[1].Condition == {
      Bool = { "aws:SecureTransport" = ["true"] }
      StringEquals = {
        "aws:RequestedRegion"  = ["eu-west-1"]
        "cloudwatch:namespace" = ["Slipway"]
      }
    }
    error_message = "Conditions with the same test must share one block, and none may be lost."
  }

  assert {
    condition     = !can(jsondecode(aws_iam_role_policy.this[0].policy).Statement[0].Condition)
    error_message = "A statement without conditions must have no Condition element."
  }

  assert {
    condition     = output.wildcard_reasons == { PublishMetrics = "PutMetricData has no resource; the namespace is fixed below" }
    error_message = "Reasons must be published for the policy gate."
  }
}

run "trust_names_account_and_source" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == {
      ArnLike      = { "aws:SourceArn" = ["arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-*"] }
      StringEquals = { "aws:SourceAccount" = "123456789012" }
    }
    error_message = "The trust policy must demand this account and the given sources."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == { Service = "lambda.amazonaws.com" }
    error_message = "Only the named service may assume the role."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::123456789012:policy/slipway-boundary"
    error_message = "Every role must carry the boundary."
  }
}

run "arn_is_known_before_the_role_is" {
  command = plan

  assert {
    condition     = output.arn == "arn:aws:iam::123456789012:role/slipway-dev-vehicles-classify-image"
    error_message = "The ARN must be part of the plan."
  }
}

run "ec2_needs_no_source" {
  command = plan

  variables {
    trust = { service = "ec2.amazonaws.com", source_account = false }
  }

  assert {
    condition     = !can(jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition)
    error_message = "EC2 sends no source, so that a condition would lock it out."
  }
}

run "no_statements_no_policy" {
  command = plan

  variables {
    statements = []
  }

  assert {
    condition     = length(aws_iam_role_policy.this) == 0
    error_message = "An empty policy document is not valid in IAM."
  }
}

run "deny_may_use_wildcards" {
  command = plan

  variables {
    statements = [{ sid = "Never", effect = "Deny", actions = ["s3:*"], resources = ["*"] }]
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this[0].policy).Statement[0].Effect == "Deny"
    error_message = "A denial keeps its effect."
  }
}

run "refuses_action_star" {
  command = plan
  variables {
    statements = [{ sid = "All", actions = ["*"], resources = ["arn:aws:s3:::b/k"], wildcard_reason = "because" }]
  }
  expect_failures = [var.statements]
}

run "refuses_service_star_even_with_reason" {
  command = plan
  variables {
    statements = [{ sid = "All", actions = ["s3:*"], resources = ["arn:aws:s3:::b/k"], wildcard_reason = "because" }]
  }
  expect_failures = [var.statements]
}

run "refuses_partial_wildcard_without_reason" {
  command = plan
  variables {
    statements = [{ sid = "Some", actions = ["s3:Get*"], resources = ["arn:aws:s3:::b/k"] }]
  }
  expect_failures = [var.statements]
}

run "refuses_resource_star_without_reason" {
  command = plan
  variables {
    statements = [{ sid = "Star", actions = ["s3:GetObject"], resources = ["*"] }]
  }
  expect_failures = [var.statements]
}

run "refuses_resource_star_with_blank_reason" {
  command = plan
  variables {
    statements = [{ sid = "Star", actions = ["s3:GetObject"], resources = ["*"], wildcard_reason = "  " }]
  }
  expect_failures = [var.statements]
}

run "refuses_every_bucket" {
  command = plan
  variables {
    statements = [{ sid = "Buckets", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::*"] }]
  }
  expect_failures = [var.statements]
}

run "refuses_every_function" {
  command = plan
  variables {
    statements = [{
      sid = "Functions", actions = ["lambda:InvokeFunction"], resources = ["arn:aws:lambda:eu-west-1:123456789012:function:*"]
    }]
  }
  expect_failures = [var.statements]
}

run "refuses_passrole_without_receiver" {
  command = plan
  variables {
    statements = [{ sid = "Pass", actions = ["iam:PassRole"], resources = ["arn:aws:iam::123456789012:role/slipway-dev-training"] }]
  }
  expect_failures = [var.statements]
}

run "refuses_passrole_of_every_role" {
  command = plan
  variables {
    statements = [{
      sid        = "Pass", actions = ["iam:PassRole"], resources = ["*"], wildcard_reason = "none"
      conditions = [{ test = "StringEquals", variable = "iam:PassedToService", values = ["sagemaker.amazonaws.com"] }]
    }]
  }
  expect_failures = [var.statements]
}

run "refuses_same_sid_twice" {
  command = plan
  variables {
    statements = [
      { sid = "Same", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/a"] },
      { sid = "Same", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/b"] },
    ]
  }
  expect_failures = [var.statements]
}

run "refuses_sid_with_dash" {
  command = plan
  variables {
    statements = [{ sid = "read-images", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/a"] }]
  }
  expect_failures = [var.statements]
}

run "refuses_unknown_effect" {
  command = plan
  variables {
    statements = [{ sid = "Read", effect = "allow", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/a"] }]
  }
  expect_failures = [var.statements]
}

run "refuses_statement_without_resource" {
  command = plan
  variables {
    statements = [{ sid = "Read", actions = ["s3:GetObject"], resources = [] }]
  }
  expect_failures = [var.statements]
}

run "refuses_same_condition_twice" {
  command = plan
  variables {
    statements = [{
      sid = "Read", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/a"]
      conditions = [
        { test = "StringEquals", variable = "aws:SourceVpce", values = ["vpce-1"] },
        { test = "StringEquals", variable = "aws:SourceVpce", values = ["vpce-2"] },
      ]
    }]
  }
  expect_failures = [var.statements]
}

run "refuses_policy_beyond_the_limit" {
  command = plan
  variables {
    statements = [{
      sid       = "Many", actions = ["s3:GetObject"]
      resources = [for i in range(300) : "arn:aws:s3:::slipway-dev-123456789012-data/vehicles/${i}/*"]
    }]
  }
  expect_failures = [aws_iam_role_policy.this]
}

run "refuses_trust_without_account" {
  command = plan
  variables {
    trust = { service = "lambda.amazonaws.com", source_account = false }
  }
  expect_failures = [var.trust]
}

run "people_are_named" {
  command = plan
  variables {
    trust = {
      principal_arns = [
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_operator_0123456789abcdef",
        "arn:aws:iam::123456789012:role/apprentice",
      ]
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid    = "AssumedByPeople"
      Effect = "Allow"
      Action = "sts:AssumeRole"
      Principal = {
        AWS = [
          "arn:aws:iam::123456789012:role/apprentice",
          "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_operator_0123456789abcdef",
        ]
      }
    }]
    error_message = "The named identities may assume the role, and nobody else."
  }
}

run "refuses_people_by_pattern" {
  command = plan
  variables {
    trust = { principal_arns = ["arn:aws:iam::123456789012:role/AWSReservedSSO_*"] }
  }
  expect_failures = [var.trust]
}

run "refuses_a_whole_account_as_people" {
  command = plan
  variables {
    trust = { principal_arns = ["arn:aws:iam::123456789012:root"] }
  }
  expect_failures = [var.trust]
}

run "refuses_people_beside_a_service" {
  command = plan
  variables {
    trust = { service = "lambda.amazonaws.com", principal_arns = ["arn:aws:iam::123456789012:role/operator"] }
  }
  expect_failures = [var.trust]
}

run "refuses_trust_in_nobody" {
  command = plan
  variables {
    trust = {}
  }
  expect_failures = [var.trust]
}

run "refuses_sources_of_people" {
  command = plan
  variables {
    trust = {
      principal_arns = ["arn:aws:iam::123456789012:role/operator"]
      source_arns    = ["arn:aws:lambda:eu-west-1:123456789012:function:f"]
    }
  }
  expect_failures = [var.trust]
}

run "refuses_trust_of_an_account" {
  command = plan
  variables {
    trust = { service = "arn:aws:iam::210987654321:root" }
  }
  expect_failures = [var.trust]
}

run "refuses_source_that_is_no_arn" {
  command = plan
  variables {
    trust = { service = "lambda.amazonaws.com", source_arns = ["*"] }
  }
  expect_failures = [var.trust]
}

run "refuses_missing_boundary" {
  command = plan
  variables {
    boundary_arn = ""
  }
  expect_failures = [var.boundary_arn]
}

run "refuses_name_of_65_characters" {
  command = plan
  variables {
    name = "slipway-dev-a-workload-with-a-long-name-and-a-function-with-one-x"
  }
  expect_failures = [var.name]
}

run "refuses_session_of_a_day" {
  command = plan
  variables {
    max_session_seconds = 86400
  }
  expect_failures = [var.max_session_seconds]
}

run "refuses_description_of_a_page" {
  command = plan
  variables {
    description = join("", [for i in range(1001) : "x"])
  }
  expect_failures = [var.description]
}
