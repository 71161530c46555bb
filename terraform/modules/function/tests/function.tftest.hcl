mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name         = "slipway-dev-vehicles-classify-image"
  boundary_arn = "arn:aws:iam::123456789012:policy/slipway-boundary"
  package      = { path = "../../../functions/dist/classify_image.zip" }
  memory_mb    = 512
  timeout_s    = 30
  environment  = { ENDPOINT_NAME = "slipway-dev-vehicles", LOG_LEVEL = "WARNING" }

  keys = {
    data     = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
    logs     = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"
    messages = "arn:aws:kms:eu-west-1:123456789012:key/33333333-3333-3333-3333-333333333333"
  }

  network = {
    security_group_id = "sg-11111111"
    subnet_ids        = ["subnet-11111111", "subnet-22222222"]
  }

  concurrency        = { reserved = 20 }
  alarms             = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts" }
  log_retention_days = 365

  statements = [{
    sid       = "Invoke"
    actions   = ["sagemaker:InvokeEndpoint"]
    resources = ["arn:aws:sagemaker:eu-west-1:123456789012:endpoint/slipway-dev-vehicles"]
  }]
}

run "function_is_capped_traced_and_encrypted" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_function.this.reserved_concurrent_executions == 20
    error_message = "Every change must publish a version, and the cap must be set."
  }

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == var.keys.data
    error_message = "The environment must be encrypted with the data key."
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "Tracing must be active."
  }

  assert {
    condition     = toset(aws_lambda_function.this.vpc_config[0].subnet_ids) == toset(var.network.subnet_ids)
    error_message = "The function must run in the private subnets."
  }

  assert {
    condition     = aws_lambda_function.this.logging_config[0].log_format == "JSON" && aws_lambda_function.this.logging_config[0].application_log_level == "WARN"
    error_message = "Logs must be JSON, at the level that the function itself uses."
  }
}

run "logs_and_dead_letters_are_kept_encrypted" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_log_group.this.name == "/aws/lambda/${var.name}" &&
      aws_cloudwatch_log_group.this.kms_key_id == var.keys.logs &&
      aws_cloudwatch_log_group.this.retention_in_days == 365
    )
    error_message = "The log group must have its key and its retention."
  }

  assert {
    condition = (
      aws_sqs_queue.dead_letters.kms_master_key_id == var.keys.messages &&
      aws_sqs_queue.dead_letters.message_retention_seconds == 1209600
    )
    error_message = "Dead letters must be encrypted and kept for 14 days."
  }
}

run "function_without_variables_has_no_key_to_forget" {
  command = plan

  variables {
    environment = {}
  }

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == null && length(aws_lambda_function.this.environment) == 0
    error_message = "Lambda drops the key of an empty environment, which would show as a change for ever."
  }

  assert {
    condition     = !contains([for s in local._own_statements : s.sid], "DecryptEnvironment") && length(local._environment_statements) == 0
    error_message = "Nothing is decrypted, so nothing may be granted."
  }
}

run "services_come_in_through_the_alias_only" {
  command = plan

  variables {
    invokers = {
      nightly = {
        principal  = "events.amazonaws.com"
        source_arn = "arn:aws:events:eu-west-1:123456789012:rule/nightly"
      }
      upload = {
        principal  = "s3.amazonaws.com"
        source_arn = "arn:aws:s3:::slipway-dev-123456789012-data"
      }
    }
  }

  assert {
    condition     = alltrue([for p in aws_lambda_permission.live : p.qualifier == "live" && p.function_name == var.name])
    error_message = "Each permission must carry the alias as its qualifier."
  }

  assert {
    condition     = aws_lambda_permission.live["upload"].source_account == "123456789012" && aws_lambda_permission.live["nightly"].source_account == null
    error_message = "A bucket's ARN names no account, so the permission must."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.live.qualifier == "live" && aws_lambda_alias.live.name == "live"
    error_message = "Retries must be set on the alias."
  }
}

run "role_gets_what_lambda_needs_and_no_key_it_does_not_use" {
  command = plan

  assert {
    condition     = [for s in local._own_statements : s.resources if s.sid == "WriteLogs"][0] == ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/slipway-dev-vehicles-classify-image:*"]
    error_message = "Logs go to the function's own group only."
  }

  assert {
    condition     = [for s in local._own_statements : s.effect if s.sid == "NoInterfacesFromCode"][0] == "Deny"
    error_message = "The code must not use the network permissions that Lambda needs."
  }

  assert {
    condition     = length(local._object_key_statements) == 0
    error_message = "A function that touches no objects needs no data key."
  }
}

run "reading_objects_brings_their_key_through_s3" {
  command = plan

  variables {
    statements = [{
      sid       = "Read"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = ["arn:aws:s3:::slipway-dev-123456789012-data/vehicles/incoming/*"]
    }]
  }

  assert {
    condition = (
      local._object_key_statements[0].actions == tolist(["kms:Decrypt"]) &&
      one(local._object_key_statements[0].conditions[0].values) == "s3.eu-west-1.amazonaws.com"
    )
    error_message = "Reading needs Decrypt, through S3, and not GenerateDataKey."
  }
}

run "alarms_call_someone" {
  command = plan

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.throttles, aws_cloudwatch_metric_alarm.duration] :
      alarm.alarm_actions == toset([var.alarms.topic_arn])
    ])
    error_message = "An alarm without an action is heard by nobody."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.duration.threshold == 24000
    error_message = "80 % of 30 s are 24,000 ms."
  }
}

# --- who owns the count of provisioned environments -------------------------------------------------------------------

run "no_provisioned_concurrency_unless_asked_for" {
  command = plan

  assert {
    condition = length(concat(
      aws_lambda_provisioned_concurrency_config.fixed,
      aws_lambda_provisioned_concurrency_config.autoscaled,
      aws_appautoscaling_target.fixed,
      aws_appautoscaling_target.scheduled,
    )) == 0
    error_message = "Provisioned environments cost money by the hour."
  }
}

run "fixed_count_belongs_to_terraform" {
  command = plan

  variables {
    concurrency = { reserved = 20, provisioned = { min = 2, max = 2 } }
  }

  assert {
    condition = (
      aws_lambda_provisioned_concurrency_config.fixed[0].provisioned_concurrent_executions == 2 &&
      aws_lambda_provisioned_concurrency_config.fixed[0].qualifier == "live" &&
      length(aws_appautoscaling_target.fixed) == 0
    )
    error_message = "With min = max there is nothing to scale, and Terraform keeps the count."
  }
}

run "autoscaled_count_starts_at_min" {
  command = plan

  variables {
    concurrency = { reserved = 20, provisioned = { min = 2, max = 8 } }
  }

  assert {
    condition = (
      length(aws_lambda_provisioned_concurrency_config.fixed) == 0 &&
      aws_lambda_provisioned_concurrency_config.autoscaled[0].provisioned_concurrent_executions == 2
    )
    error_message = "The autoscaled configuration must be the one that ignores later changes."
  }

  assert {
    condition = (
      aws_appautoscaling_target.fixed[0].resource_id == "function:slipway-dev-vehicles-classify-image:live" &&
      aws_appautoscaling_target.fixed[0].min_capacity == 2 &&
      aws_appautoscaling_target.fixed[0].max_capacity == 8
    )
    error_message = "The autoscaler must work on the alias, between min and max."
  }

  assert {
    condition     = aws_appautoscaling_policy.utilisation["terraform"].target_tracking_scaling_policy_configuration[0].target_value == 0.7
    error_message = "The target is a share of the provisioned environments in use."
  }
}

run "schedules_own_the_limits" {
  command = plan

  variables {
    concurrency = {
      reserved = 20
      provisioned = {
        min = 2
        max = 2
        schedules = {
          evening = { schedule = "cron(0 19 ? * MON-FRI *)", timezone = "Europe/Dublin", min = 1, max = 2 }
          morning = { schedule = "cron(30 6 ? * MON-FRI *)", timezone = "Europe/Dublin", min = 6, max = 16 }
        }
      }
    }
  }

  assert {
    condition = (
      length(aws_lambda_provisioned_concurrency_config.fixed) == 0 &&
      length(aws_appautoscaling_target.fixed) == 0 &&
      aws_appautoscaling_target.scheduled[0].max_capacity == 2 &&
      aws_appautoscaling_policy.utilisation["schedules"].target_tracking_scaling_policy_configuration[0].target_value == 0.7
    )
    error_message = "A count that changes by the clock is the autoscaler's, even where min equals max until then."
  }

  assert {
    condition = (
      aws_appautoscaling_scheduled_action.this["morning"].scalable_target_action[0].min_capacity == "6" &&
      aws_appautoscaling_scheduled_action.this["morning"].resource_id == "function:slipway-dev-vehicles-classify-image:live"
    )
    error_message = "The morning's environments must be warm before its traffic, on the alias."
  }
}

run "records_bring_the_data_key_through_dynamodb" {
  command = plan

  variables {
    statements = [{
      sid       = "AppendRecords"
      actions   = ["dynamodb:PutItem"]
      resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/slipway-dev-claims-records"]
    }]
  }

  assert {
    condition     = [for s in local._record_key_statements : [s.actions, s.resources, s.conditions[0].values]] == [[["kms:Decrypt"], [var.keys.data], ["dynamodb.eu-west-1.amazonaws.com"]]]
    error_message = "Whoever uses an encrypted table needs its key, through DynamoDB and nothing else."
  }

  assert {
    condition     = length(local._object_key_statements) == 0
    error_message = "A table is no bucket."
  }
}
