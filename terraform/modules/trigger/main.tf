data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition
  _region    = data.aws_region.current.id

  _rule_arn  = "arn:${local._partition}:events:${local._region}:${local._account}:rule/${var.name}"
  _queue_arn = "arn:${local._partition}:sqs:${local._region}:${local._account}:${var.name}-dlq"

  _target_arn = var.target.state_machine == null ? var.target.function.alias_arn : var.target.state_machine.arn
}

# The bucket must send its events to EventBridge (notifications = { eventbridge = true } of its module).
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
resource "aws_cloudwatch_event_rule" "this" {
  name        = var.name
  description = "Objects created in ${var.bucket} below ${join(", ", var.prefixes)}"

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket] }
      object = { key = [for prefix in sort(var.prefixes) : { prefix = prefix }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "target"
  arn       = local._target_arn
  role_arn  = var.target.state_machine == null ? null : module.role[0].arn

  # The event's own account of the upload, as it is. An input transformer would put a key into a template without escaping
  # it, so that whoever names a file could add fields to the input.
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
  input_path = "$.detail"

  retry_policy {
    maximum_event_age_in_seconds = var.retry.maximum_age_s
    maximum_retry_attempts       = var.retry.maximum_attempts
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

# A function answers to its own policy, not to a role; the alias alone, as the function module does it.
resource "aws_lambda_permission" "this" {
  count = var.target.function == null ? 0 : 1

  statement_id  = var.name
  action        = "lambda:InvokeFunction"
  function_name = split(":", var.target.function.alias_arn)[6]
  qualifier     = split(":", var.target.function.alias_arn)[7]
  principal     = "events.amazonaws.com"
  source_arn    = local._rule_arn
}

# Uploads that did not reach the target, in full: nothing that was submitted is lost.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dlq"
  message_retention_seconds = 14 * 24 * 3600 # the longest SQS offers: time to look into it and to replay
  kms_master_key_id         = var.key_arn
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyThisRuleSends"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local._queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = local._rule_arn } }
      },
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:SendMessage"
        Resource  = local._queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

module "role" {
  source = "../role"
  count  = var.target.state_machine == null ? 0 : 1

  boundary_arn = var.boundary_arn
  description  = "EventBridge rule ${var.name}: starts one state machine"
  name         = var.name

  trust = {
    service     = "events.amazonaws.com"
    source_arns = [local._rule_arn]
  }

  statements = [{
    sid       = "StartExecution"
    actions   = ["states:StartExecution"]
    resources = [var.target.state_machine.arn]
  }]
}
