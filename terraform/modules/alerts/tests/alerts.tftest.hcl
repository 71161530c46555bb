mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name    = "slipway-dev-alerts"
  key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  emails  = ["oncall@example.org", "team@example.org"]
}

run "alarms_may_publish" {
  command = plan

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.key_arn
    error_message = "Messages must be encrypted with the given key."
  }

  assert {
    condition = jsondecode(aws_sns_topic_policy.this.policy).Statement[0] == {
      Action    = "sns:Publish"
      Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Resource  = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts"
      Sid       = "PublishCloudwatch"
    }
    error_message = "CloudWatch must be able to publish for this account's alarms, and nothing more."
  }

  assert {
    condition     = jsondecode(aws_sns_topic_policy.this.policy).Statement[1].Condition == { Bool = { "aws:SecureTransport" = "false" } }
    error_message = "Publishing without TLS must be denied."
  }

  assert {
    condition     = [for s in aws_sns_topic_subscription.email : "${s.protocol} ${s.endpoint}"] == ["email oncall@example.org", "email team@example.org"]
    error_message = "Every address must be subscribed."
  }
}

run "more_publishers" {
  command = plan

  variables {
    publishers = ["events.amazonaws.com", "budgets.amazonaws.com"]
  }

  assert {
    condition = [
      for s in jsondecode(aws_sns_topic_policy.this.policy).Statement : s.Principal.Service if s.Effect == "Allow"
    ] == ["budgets.amazonaws.com", "events.amazonaws.com"]
    error_message = "The publishers must be those given, sorted."
  }
}

run "refuses_bad_address_alias_name_and_publisher" {
  command = plan
  variables {
    emails     = ["oncall at example.org"]
    key_arn    = "alias/aws/sns"
    name       = "slipway dev alerts"
    publishers = ["lambda.amazonaws.com"]
  }
  expect_failures = [var.emails, var.key_arn, var.name, var.publishers]
}

run "refuses_address_twice_and_nobody" {
  command = plan
  variables {
    emails     = ["team@example.org", "team@example.org"]
    publishers = []
  }
  expect_failures = [var.emails, var.publishers]
}
