mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_dynamodb_table" {
    defaults = {
      arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/slipway-dev-claims-records"
    }
  }
}

variables {
  name             = "slipway-dev-claims-records"
  partition_key    = "claim"
  sort_key         = "entry"
  key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  vpc_endpoint_ids = ["vpce-0123456789abcdef0"]
  alarms           = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts" }

  outside_access = [{
    name           = "operators"
    principal_arns = ["arn:aws:iam::123456789012:role/slipway-dev-operator"]
    reason         = "Operators read records from outside the VPC."
  }]
}

run "kept_encrypted_and_protected" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST"
    error_message = "Nothing may be provisioned."
  }

  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].enabled && aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.key_arn
    error_message = "The table must be encrypted with the key that was given."
  }

  assert {
    condition     = aws_dynamodb_table.this.point_in_time_recovery[0].enabled
    error_message = "Every second must be recoverable."
  }

  assert {
    condition     = aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "Deletion must be refused unless asked for."
  }

  assert {
    condition     = { for a in aws_dynamodb_table.this.attribute : a.name => a.type } == { claim = "S", entry = "S" }
    error_message = "Only the keys are declared."
  }
}

run "items_behind_the_wall" {
  command = plan

  assert {
    condition = jsondecode(aws_dynamodb_resource_policy.this.policy).Statement[0].Condition == {
      ArnNotLike      = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/slipway-dev-operator"] }
      BoolIfExists    = { "aws:PrincipalIsAWSService" = "false", "aws:ViaAWSService" = "false" }
      StringNotEquals = { "aws:SourceVpce" = ["vpce-0123456789abcdef0"] }
    }
    error_message = "Items must be used through the endpoint, or by those who are named."
  }

  assert {
    condition = length(setsubtract(
      ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PartiQLSelect", "dynamodb:ExportTableToPointInTime"],
      jsondecode(aws_dynamodb_resource_policy.this.policy).Statement[0].Action,
    )) == 0
    error_message = "Every way to an item must be walled."
  }

  assert {
    condition     = alltrue([for action in jsondecode(aws_dynamodb_resource_policy.this.policy).Statement[0].Action : !can(regex(":(Create|Update(Table|Continuous)|Delete(Table|Resource)|Describe|PutResource|Tag)", action))])
    error_message = "Administration is not walled: Terraform runs outside."
  }

  assert {
    condition     = jsondecode(aws_dynamodb_resource_policy.this.policy).Statement[0].Resource[0] == "arn:aws:dynamodb:eu-west-1:123456789012:table/slipway-dev-claims-records"
    error_message = "The policy must be about this table."
  }
}

run "nobody_outside_by_default" {
  command = plan

  variables {
    vpc_endpoint_ids = []
    outside_access   = []
  }

  assert {
    condition     = keys(jsondecode(aws_dynamodb_resource_policy.this.policy).Statement[0].Condition) == ["BoolIfExists"]
    error_message = "Without an endpoint and without exceptions nobody may use the items."
  }
}

run "thrown_away_on_request" {
  command = plan

  variables {
    deletion_protected = false
    sort_key           = null
  }

  assert {
    condition     = !aws_dynamodb_table.this.deletion_protection_enabled && length(aws_dynamodb_table.this.attribute) == 1
    error_message = "A rehearsal's table must go, and a key alone is a table too."
  }
}

run "alarms_act" {
  command = plan

  assert {
    condition     = toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.metric_name]) == toset(["ReadThrottleEvents", "SystemErrors", "WriteThrottleEvents"])
    error_message = "Throttled and failed requests must ring."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([var.alarms.topic_arn]) && alarm.dimensions.TableName == var.name])
    error_message = "Every alarm must act, and be about this table."
  }
}

run "malformed_values_are_refused" {
  command = plan

  variables {
    alarms           = { topic_arn = "team@example.com", count = 0 }
    key_arn          = "alias/slipway-dev-data"
    name             = "a table"
    partition_key    = "the claim"
    vpc_endpoint_ids = ["*"]

    outside_access = [
      { name = "all", principal_arns = ["arn:aws:iam::123456789012:role/*"], reason = "why not" },
      { name = "all", principal_arns = [], reason = "nobody, for no reason" },
    ]
  }

  expect_failures = [
    var.alarms, var.key_arn, var.name, var.outside_access, var.partition_key, var.vpc_endpoint_ids,
  ]
}

run "one_attribute_as_both_keys_is_refused" {
  command = plan

  variables {
    sort_key = "claim"
  }

  expect_failures = [var.sort_key]
}
