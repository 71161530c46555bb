data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  _account   = data.aws_caller_identity.this.account_id
  _partition = data.aws_partition.this.partition
  # The region's name has a new attribute in provider 6, whose predecessor is deprecated there; the id serves both.
  _region = data.aws_region.this.id

  # To each definition what it calls, the verb that names end with, and whether it reads and writes the bucket itself.
  _definitions = {
    assess_claims = {
      functions = ["assess_claim", "record_assessment"]
      verb      = "assess"
      maps      = false
    }
    classify_images = {
      functions = ["classify_image", "collect_results", "filter_predictions", "serialize_image"]
      verb      = "classify"
      maps      = true
    }
  }

  _name    = "${var.name}-${local._definitions[var.definition].verb}"
  _maps    = local._definitions[var.definition].maps
  _results = var.results_prefix == null ? "" : trimsuffix(var.results_prefix, "/")

  # Built from names: role and state machine would wait for each other otherwise.
  _state_machine_arn = "arn:${local._partition}:states:${local._region}:${local._account}:stateMachine:${local._name}"
  _execution_arn     = "arn:${local._partition}:states:${local._region}:${local._account}:execution:${local._name}"

  _consoles = {
    aws        = "console.aws.amazon.com"
    aws-cn     = "console.amazonaws.cn"
    aws-us-gov = "console.amazonaws-us-gov.com"
  }

  _definition = templatefile("${path.module}/${var.definition}.asl.json", merge(var.functions, {
    console_url    = "https://${local._region}.${local._consoles[local._partition]}/states/home?region=${local._region}#/v2/executions/details"
    data_bucket    = var.data_bucket.name
    partition      = local._partition
    results_prefix = local._results
    topic_arn      = aws_sns_topic.failures.arn
    workload       = var.workload
  }))
}

# Standard, not express: every step runs exactly once, so nothing is judged or reported twice, and the history of what
# failed can be looked at for 90 days.
resource "aws_sfn_state_machine" "this" {
  name       = local._name
  role_arn   = module.role.arn
  definition = local._definition
  type       = "STANDARD"
  publish    = true

  encryption_configuration {
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = var.keys.data
    kms_data_key_reuse_period_seconds = 300
  }

  # Every step, but neither input nor output: keys can tell about people, and the manifest has them anyway.
  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
    include_execution_data = false
    level                  = "ALL"
  }

  tracing_configuration {
    enabled = true
  }

  lifecycle {
    precondition {
      condition = alltrue([
        for prefix in var.incoming_prefixes :
        !startswith("${local._results}/", prefix) && !startswith(prefix, "${local._results}/")
      ])
      error_message = "results_prefix must lie outside every incoming prefix, and none of them below it: a run would list its own results as images."
    }
  }
}

# The prefix /aws/vendedlogs/ keeps the log group's resource policy from outgrowing its limit
# (Step Functions developer guide, "Logging in CloudWatch Logs").
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/vendedlogs/states/${local._name}"
  kms_key_id        = var.keys.logs
  retention_in_days = var.log_retention_days
}
