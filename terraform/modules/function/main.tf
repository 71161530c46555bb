data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # Provider 5 knows the region as name, provider 6 as region; id is right in both.
  _region  = data.aws_region.current.id
  _account = "${local._region}:${data.aws_caller_identity.current.account_id}"

  # ARNs by name: the role's policy needs them before the things themselves exist.
  _function_arn = "arn:${data.aws_partition.current.partition}:lambda:${local._account}:function:${var.name}"
  _queue_arn    = "arn:${data.aws_partition.current.partition}:sqs:${local._account}:${var.name}-dlq"
  _log_group    = "/aws/lambda/${var.name}"

  # Lambda filters JSON logs by its own level before they are written, so it has to follow the function's.
  _log_level = lookup(
    { DEBUG = "DEBUG", INFO = "INFO", WARNING = "WARN", ERROR = "ERROR", CRITICAL = "FATAL" },
    upper(lookup(var.environment, "LOG_LEVEL", "INFO")),
    "INFO",
  )
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local._log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.keys.logs
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dlq"
  message_retention_seconds = 14 * 24 * 3600 # the longest SQS offers: time to look into it and to replay
  kms_master_key_id         = var.keys.messages
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  role             = module.role.arn
  filename         = var.package.path
  source_code_hash = filebase64sha256(var.package.path)
  handler          = var.package.handler
  runtime          = var.package.runtime
  architectures    = [var.package.architecture]
  memory_size      = var.memory_mb
  timeout          = var.timeout_s
  publish          = true

  reserved_concurrent_executions = var.concurrency.reserved

  # Lambda forgets the key of a function without variables, which Terraform would set again for ever.
  kms_key_arn = length(var.environment) == 0 ? null : var.keys.data

  dynamic "environment" {
    for_each = length(var.environment) == 0 ? [] : [var.environment]

    content {
      variables = environment.value
    }
  }

  vpc_config {
    security_group_ids = [var.network.security_group_id]
    subnet_ids         = var.network.subnet_ids
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.dead_letters.arn
  }

  logging_config {
    application_log_level = local._log_level
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.this.name
    system_log_level      = "INFO"
  }

  tracing_config {
    mode = "Active"
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that callers get"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_event_age_in_seconds = var.asynchronous.maximum_age_s
  maximum_retry_attempts       = var.asynchronous.maximum_retries
}

# The qualifier is the point: no service may invoke $LATEST or a version past the alias.
resource "aws_lambda_permission" "live" {
  for_each = var.invokers

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = each.value.principal
  source_arn    = each.value.source_arn

  # The ARN of a bucket holds no account: a bucket deleted here and made anew elsewhere would pass.
  source_account = (
    split(":", each.value.source_arn)[4] == "" ? data.aws_caller_identity.current.account_id : null
  )
}
