mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name         = "slipway-dev-claims-upload"
  bucket       = "slipway-dev-123456789012-data"
  prefixes     = ["claims/incoming/"]
  boundary_arn = "arn:aws:iam::123456789012:policy/slipway-boundary"
  key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  alarms       = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts" }
  target       = { state_machine = { arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:slipway-dev-claims-assess" } }
}

run "only_uploads_below_the_prefixes_count" {
  command = plan

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.this.event_pattern) == {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail = {
        bucket = { name = ["slipway-dev-123456789012-data"] }
        object = { key = [{ prefix = "claims/incoming/" }] }
      }
    }
    error_message = "Another bucket's, another prefix's and another service's events must not start anything."
  }

  assert {
    condition     = aws_cloudwatch_event_target.this.input_path == "$.detail" && length(aws_cloudwatch_event_target.this.input_transformer) == 0
    error_message = "The target must get what S3 says, whole: in a template a quote in a key would end the string."
  }
}

run "a_state_machine_is_started_by_a_role_that_can_nothing_else" {
  command = plan

  assert {
    condition     = output.role_arn == "arn:aws:iam::123456789012:role/slipway-dev-claims-upload"
    error_message = "The rule must have its own role."
  }

  assert {
    condition     = length(aws_lambda_permission.this) == 0
    error_message = "No function is concerned."
  }
}

run "a_function_is_invoked_through_its_alias" {
  command = plan

  variables {
    target = { function = { alias_arn = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-dogs-classify-upload:live" } }
  }

  assert {
    condition = (
      aws_lambda_permission.this[0].function_name == "slipway-dev-dogs-classify-upload" &&
      aws_lambda_permission.this[0].qualifier == "live" &&
      aws_lambda_permission.this[0].source_arn == "arn:aws:events:eu-west-1:123456789012:rule/slipway-dev-claims-upload"
    )
    error_message = "Only this rule, only the alias."
  }

  assert {
    condition     = output.role_arn == null && aws_cloudwatch_event_target.this.role_arn == null
    error_message = "A function answers to its own policy."
  }
}

run "nothing_is_lost" {
  command = plan

  assert {
    condition     = aws_sqs_queue.dead_letters.kms_master_key_id == var.key_arn && aws_sqs_queue.dead_letters.message_retention_seconds == 1209600
    error_message = "What did not arrive must be kept, encrypted, for two weeks."
  }

  assert {
    condition     = aws_cloudwatch_event_target.this.retry_policy[0].maximum_retry_attempts == 20 && aws_cloudwatch_event_target.this.retry_policy[0].maximum_event_age_in_seconds == 3600
    error_message = "EventBridge must try again for an hour."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.failed.alarm_actions == toset([var.alarms.topic_arn]) && aws_cloudwatch_metric_alarm.dead_letters.alarm_actions == toset([var.alarms.topic_arn])
    error_message = "Both alarms must act."
  }
}

run "malformed_values_are_refused" {
  command = plan

  variables {
    alarms       = { topic_arn = "team@example.com" }
    boundary_arn = "arn:aws:iam::123456789012:role/slipway-boundary"
    bucket       = "arn:aws:s3:::slipway-dev-123456789012-data"
    key_arn      = "alias/slipway-dev-messages"
    name         = "Upload"
    prefixes     = [""]
    retry        = { maximum_age_s = 30, maximum_attempts = 200 }
    target       = {}
  }

  expect_failures = [
    var.alarms, var.boundary_arn, var.bucket, var.key_arn, var.name, var.prefixes, var.retry, var.target,
  ]
}

run "unreleased_code_is_refused" {
  command = plan

  variables {
    target = { function = { alias_arn = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-dogs-classify-upload" } }
  }

  expect_failures = [var.target]
}
