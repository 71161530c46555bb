mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-claims-assess-failures"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/states/slipway-dev-claims-assess"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/slipway-dev-claims-assess"
    }
  }

  mock_resource "aws_sfn_state_machine" {
    defaults = {
      arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:slipway-dev-claims-assess"
    }
  }
}

variables {
  definition   = "assess_claims"
  name         = "slipway-dev-claims"
  workload     = "claims"
  boundary_arn = "arn:aws:iam::123456789012:policy/slipway-boundary"

  keys = {
    data     = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-00000000000a"
    logs     = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-00000000000b"
    messages = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-00000000000c"
  }

  functions = {
    assess_claim      = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-claims-assess-claim:live"
    record_assessment = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-claims-record-assessment:live"
  }

  data_bucket = {
    name = "slipway-dev-123456789012-data"
    arn  = "arn:aws:s3:::slipway-dev-123456789012-data"
  }

  incoming_prefixes  = ["claims/incoming/"]
  log_retention_days = 30
  alarms             = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:slipway-dev-alerts" }
}

run "claims_are_assessed_and_recorded_through_the_aliases" {
  assert {
    condition     = aws_sfn_state_machine.this.name == "slipway-dev-claims-assess" && !strcontains(aws_sfn_state_machine.this.definition, "$${")
    error_message = "The name must say what is done, and no placeholder may be left over."
  }

  assert {
    condition = toset([
      for name, state in jsondecode(aws_sfn_state_machine.this.definition).States :
      state.Parameters.FunctionName if can(state.Parameters.FunctionName)
    ]) == toset(values(var.functions))
    error_message = "A claim must go through both functions by their alias ARNs."
  }

  assert {
    condition = toset([
      for name, state in jsondecode(aws_sfn_state_machine.this.definition).States :
      state.Parameters.TopicArn if can(state.Parameters.TopicArn)
    ]) == toset([aws_sns_topic.failures.arn])
    error_message = "Audits and failures must go to the module's own topic."
  }
}

run "the_role_touches_no_bucket_and_starts_nothing" {
  assert {
    condition = length([
      for action in flatten([for statement in local._statements : statement.actions]) : action
      if startswith(action, "s3:") || contains(["states:StartExecution", "states:StopExecution", "states:RedriveExecution"], action)
    ]) == 0
    error_message = "Only the functions read photos, and nothing is mapped over."
  }

  assert {
    condition = toset(flatten([
      for statement in local._statements : statement.resources if contains(statement.actions, "lambda:InvokeFunction")
    ])) == toset(values(var.functions))
    error_message = "Only the two functions, and only through their aliases."
  }
}

run "the_functions_of_another_definition_are_refused" {
  command = plan

  variables {
    functions = {
      serialize_image = "arn:aws:lambda:eu-west-1:123456789012:function:slipway-dev-claims-serialize-image:live"
    }
  }

  expect_failures = [var.functions]
}

run "a_results_prefix_is_refused" {
  command = plan

  variables {
    results_prefix = "claims/results"
  }

  expect_failures = [var.results_prefix]
}
