mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-vehicles-classify-failures"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/states/slipway-dev-vehicles-classify"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/slipway-dev-vehicles-classify"
    }
  }

  mock_resource "aws_sfn_state_machine" {
    defaults = {
      arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:slipway-dev-vehicles-classify"
    }
  }
}

variables {
  name         = "slipway-dev-vehicles"
  workload     = "vehicles"
  boundary_arn = "arn:aws:iam::123456789012:policy/slipway-boundary"

  keys = {
    data     = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-00000000000a"
    logs     = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-00000000000b"
    messages = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-00000000000c"
  }

  functions = {
    classify_image     = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-classify-image:live"
    collect_results    = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-collect-results:live"
    filter_predictions = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-filter-predictions:live"
    serialize_image    = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-serialize-image:live"
  }

  data_bucket = {
    name = "slipway-dev-123456789012-data"
    arn  = "arn:aws:s3:::slipway-dev-123456789012-data"
  }

  results_prefix     = "vehicles/results/"
  incoming_prefixes  = ["vehicles/incoming/"]
  log_retention_days = 30
  alarms             = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts" }
}

run "the_definition_is_rendered_whole" {
  assert {
    condition     = !strcontains(aws_sfn_state_machine.this.definition, "$${")
    error_message = "No placeholder may be left over."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).StartAt == "CheckInput"
    error_message = "The definition must be the one file."
  }

  assert {
    condition = toset([
      for name, state in jsondecode(aws_sfn_state_machine.this.definition).States.ClassifyList.ItemProcessor.States :
      state.Parameters.FunctionName if can(state.Parameters.FunctionName)
    ]) == toset([for name, arn in var.functions : arn if name != "collect_results"])
    error_message = "Items must go through the three functions by their alias ARNs."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.CollectList.Parameters.FunctionName == var.functions.collect_results
    error_message = "Results must be collected by collect_results."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.ClassifyPrefix.ResultWriter.Parameters["Prefix.$"] == "States.Format('vehicles/results/{}/map', $$.Execution.Name)"
    error_message = "A trailing slash of results_prefix must not be doubled."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.NotifyRun.Parameters.TopicArn == aws_sns_topic.failures.arn
    error_message = "Failures must go to the module's own topic."
  }

  assert {
    condition     = strcontains(aws_sfn_state_machine.this.definition, "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/")
    error_message = "Notifications must link to the execution."
  }
}

run "the_state_machine_is_encrypted_logged_and_traced" {
  assert {
    condition     = aws_sfn_state_machine.this.type == "STANDARD" && aws_sfn_state_machine.this.publish
    error_message = "A standard state machine, published."
  }

  assert {
    condition = (
      aws_sfn_state_machine.this.encryption_configuration[0].type == "CUSTOMER_MANAGED_KMS_KEY" &&
      aws_sfn_state_machine.this.encryption_configuration[0].kms_key_id == var.keys.data
    )
    error_message = "Definition and executions must be encrypted under the data key."
  }

  assert {
    condition = (
      aws_sfn_state_machine.this.logging_configuration[0].level == "ALL" &&
      !aws_sfn_state_machine.this.logging_configuration[0].include_execution_data &&
      endswith(aws_sfn_state_machine.this.logging_configuration[0].log_destination, ":*")
    )
    error_message = "Every step must be logged, without its data."
  }

  assert {
    condition     = aws_sfn_state_machine.this.tracing_configuration[0].enabled
    error_message = "Tracing must be on."
  }

  assert {
    condition = (
      startswith(aws_cloudwatch_log_group.this.name, "/aws/vendedlogs/states/") &&
      aws_cloudwatch_log_group.this.kms_key_id == var.keys.logs &&
      aws_cloudwatch_log_group.this.retention_in_days == 30
    )
    error_message = "The log group must be a vended one, encrypted and with an end."
  }

  assert {
    condition     = aws_sns_topic.failures.kms_master_key_id == var.keys.messages
    error_message = "The topic must be encrypted under the messages key."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_sns_topic_policy.failures.policy).Statement :
      statement.Effect == "Deny" && statement.Principal == "*" && can(statement.Condition.Bool["aws:SecureTransport"])
      if can(tostring(statement.Principal))
    ])
    error_message = "The topic must refuse plain HTTP."
  }

  assert {
    condition = toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.metric_name]) == toset([
      "ExecutionThrottled", "ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut",
    ])
    error_message = "Every bad end of an execution must have an alarm."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([var.alarms.topic_arn])])
    error_message = "Every alarm must act."
  }
}

run "the_role_may_do_what_the_definition_does_and_no_more" {
  assert {
    condition = toset(flatten([
      for statement in local._statements : statement.resources if contains(statement.actions, "lambda:InvokeFunction")
    ])) == toset(values(var.functions))
    error_message = "Only the four functions, and only through their aliases."
  }

  assert {
    condition = alltrue([
      for statement in local._statements : length([
        for condition in statement.conditions : condition
        if condition.variable == "s3:prefix" && condition.values == ["vehicles/incoming/*"]
      ]) == 1 if contains(statement.actions, "s3:ListBucket")
    ])
    error_message = "Listing must end at the incoming prefixes."
  }

  assert {
    condition = toset(flatten([
      for statement in local._statements : statement.resources if contains(statement.actions, "s3:PutObject")
    ])) == toset(["arn:aws:s3:::slipway-dev-123456789012-data/vehicles/results/*"])
    error_message = "Writing must end at the results prefix."
  }

  assert {
    condition = alltrue([
      for statement in local._statements : length(statement.conditions) == 1 if contains(statement.actions, "kms:Decrypt")
    ])
    error_message = "Every key must be tied to a service, or to this state machine."
  }

  assert {
    condition     = toset(keys(module.role.wildcard_reasons)) == toset(["DeliverLogs", "Trace"])
    error_message = "Only log delivery and tracing know no resource."
  }

  assert {
    condition = toset(flatten([
      for statement in local._statements : statement.resources if contains(statement.actions, "states:StartExecution")
    ])) == toset([aws_sfn_state_machine.this.arn])
    error_message = "The state machine may start itself (the children of a Distributed Map), nothing else."
  }
}

run "a_prefix_that_is_no_folder_is_refused" {
  command = plan

  variables {
    incoming_prefixes = ["vehicles/incoming"]
  }

  expect_failures = [var.incoming_prefixes]
}

run "no_prefix_at_all_is_refused" {
  command = plan

  variables {
    incoming_prefixes = []
  }

  expect_failures = [var.incoming_prefixes]
}

run "results_among_the_inputs_are_refused" {
  command = plan

  variables {
    results_prefix = "vehicles/incoming/results"
  }

  expect_failures = [aws_sfn_state_machine.this]
}

run "inputs_among_the_results_are_refused" {
  command = plan

  variables {
    incoming_prefixes = ["vehicles/results/again/"]
  }

  expect_failures = [aws_sfn_state_machine.this]
}

run "a_results_prefix_with_a_quote_is_refused" {
  command = plan

  variables {
    results_prefix = "vehicles/o'brien"
  }

  expect_failures = [var.results_prefix]
}

run "a_function_without_an_alias_is_refused" {
  command = plan

  variables {
    functions = {
      classify_image     = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-classify-image"
      collect_results    = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-collect-results:$LATEST"
      filter_predictions = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-filter-predictions:live"
      serialize_image    = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-serialize-image:live"
    }
  }

  expect_failures = [var.functions]
}

run "a_missing_function_is_refused" {
  command = plan

  variables {
    functions = {
      serialize_image = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-vehicles-serialize-image:live"
    }
  }

  expect_failures = [var.functions]
}

run "a_key_alias_is_refused" {
  command = plan

  variables {
    keys = {
      data     = "arn:aws:kms:eu-west-1:123456789012:alias/slipway-dev-data"
      logs     = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-00000000000b"
      messages = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-00000000000c"
    }
  }

  expect_failures = [var.keys]
}

run "name_and_arn_of_two_buckets_are_refused" {
  command = plan

  variables {
    data_bucket = {
      name = "slipway-dev-123456789012-data"
      arn  = "arn:aws:s3:::slipway-prod-123456789012-data"
    }
  }

  expect_failures = [var.data_bucket]
}

run "logs_without_end_are_refused" {
  command = plan

  variables {
    log_retention_days = 0
  }

  expect_failures = [var.log_retention_days]
}

run "alarms_without_a_topic_are_refused" {
  command = plan

  variables {
    alarms = { topic_arn = "team@example.com" }
  }

  expect_failures = [var.alarms]
}

run "an_alarm_that_always_fires_is_refused" {
  command = plan

  variables {
    alarms = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts", failed_count = 0 }
  }

  expect_failures = [var.alarms]
}

run "a_name_too_long_for_its_role_is_refused" {
  command = plan

  variables {
    name = "slipway-dev-a-workload-whose-name-goes-on-and-on-and-on-on"
  }

  expect_failures = [var.name]
}

run "a_workload_with_a_space_is_refused" {
  command = plan

  variables {
    workload = "my vehicles"
  }

  expect_failures = [var.workload]
}

run "a_role_as_boundary_is_refused" {
  command = plan

  variables {
    boundary_arn = "arn:aws:iam::123456789012:role/slipway-boundary"
  }

  expect_failures = [var.boundary_arn]
}

run "no_results_prefix_for_images_is_refused" {
  command = plan

  variables {
    results_prefix = null
  }

  expect_failures = [var.results_prefix]
}

run "another_definition_is_refused" {
  command = plan

  variables {
    definition = "retrain"
  }

  expect_failures = [var.definition]
}
