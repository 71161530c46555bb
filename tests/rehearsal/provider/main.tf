# Resources whose attributes moto forgets: each has a line in the embedded AWS that this configuration proves.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
  default_tags {
    tags = { project = "embedded" }
  }
}

variable "package" {
  description = "Path of the function's zip archive."
  type        = string
}

variable "memory_mb" {
  description = "Changed between two applies, to prove an update in place."
  type        = number
  default     = 128
}

data "aws_caller_identity" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  name    = "embedded"
}

resource "aws_vpc" "this" {
  cidr_block = "10.9.0.0/16"
}

resource "aws_subnet" "this" {
  vpc_id            = aws_vpc.this.id
  cidr_block        = "10.9.0.0/24"
  availability_zone = "eu-west-1a"
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.eu-west-1.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.this.id]
}

resource "aws_vpc_endpoint" "logs" {
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.eu-west-1.logs"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [aws_subnet.this.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "logs:*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = local.account } }
    }]
  })
}

resource "aws_security_group" "functions" {
  name        = "${local.name}-functions"
  description = "functions"
  vpc_id      = aws_vpc.this.id
}

resource "aws_security_group" "endpoints" {
  name        = "${local.name}-endpoints"
  description = "endpoints"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_egress_rule" "to_s3" {
  security_group_id = aws_security_group.functions.id
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  description       = "https to S3"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "from_functions" {
  security_group_id            = aws_security_group.endpoints.id
  referenced_security_group_id = aws_security_group.functions.id
  description                  = "https from functions"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_launch_template" "this" {
  name_prefix   = "${local.name}-"
  instance_type = "c7i.large"
  metadata_options {
    http_tokens = "required"
  }
  tag_specifications {
    resource_type = "instance"
    tags          = { kind = "workbench" }
  }
}

resource "aws_sqs_queue" "dead" {
  name = "${local.name}-dead"
}

resource "aws_sqs_queue" "work" {
  name = "${local.name}-work"
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 4
  })
}

resource "aws_iam_role" "this" {
  name = local.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = ["lambda.amazonaws.com", "states.amazonaws.com"] }
    }]
  })
}

resource "aws_lambda_code_signing_config" "this" {
  allowed_publishers {
    signing_profile_version_arns = ["arn:aws:signer:eu-west-1:${local.account}:/signing-profiles/p/abcdefghij"]
  }
  policies {
    untrusted_artifact_on_deployment = "Warn"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${local.name}"
  retention_in_days = 30
}

resource "aws_lambda_function" "this" {
  function_name                  = local.name
  role                           = aws_iam_role.this.arn
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  handler                        = "handler.handle"
  runtime                        = "python3.12"
  publish                        = true
  memory_size                    = var.memory_mb
  reserved_concurrent_executions = 4
  code_signing_config_arn        = aws_lambda_code_signing_config.this.arn
  dead_letter_config {
    target_arn = aws_sqs_queue.dead.arn
  }
  ephemeral_storage {
    size = 1024
  }
  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }
  tracing_config {
    mode = "Active"
  }
  vpc_config {
    subnet_ids         = [aws_subnet.this.id]
    security_group_ids = [aws_security_group.functions.id]
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = 1
}

resource "aws_lambda_function_event_invoke_config" "live" {
  function_name          = aws_lambda_function.this.function_name
  qualifier              = aws_lambda_alias.live.name
  maximum_retry_attempts = 1
  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead.arn
    }
  }
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "lambda"
  resource_id        = "function:${local.name}:${aws_lambda_alias.live.name}"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  min_capacity       = 1
  max_capacity       = 2
  tags               = { kind = "scaling" }
}

resource "aws_sfn_state_machine" "this" {
  name     = local.name
  role_arn = aws_iam_role.this.arn
  publish  = true
  definition = jsonencode({
    StartAt = "Pass"
    States  = { Pass = { Type = "Pass", End = true } }
  })
}

resource "aws_scheduler_schedule" "this" {
  name                         = local.name
  schedule_expression          = "cron(0 4 ? * SUN *)"
  schedule_expression_timezone = "Europe/Berlin"
  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_sfn_state_machine.this.arn
    role_arn = aws_iam_role.this.arn
  }
}

resource "aws_sns_topic" "this" {
  name = local.name
}

resource "aws_cloudwatch_metric_alarm" "this" {
  alarm_name          = local.name
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  extended_statistic  = "p99"
  period              = 60
  evaluation_periods  = 1
  threshold           = 1000
  comparison_operator = "GreaterThanThreshold"
  alarm_actions       = [aws_sns_topic.this.arn]
  dimensions          = { FunctionName = local.name }
}

resource "aws_budgets_budget" "this" {
  name         = local.name
  budget_type  = "COST"
  limit_amount = "5"
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  notification {
    comparison_operator       = "GREATER_THAN"
    threshold                 = 80
    threshold_type            = "PERCENTAGE"
    notification_type         = "ACTUAL"
    subscriber_sns_topic_arns = [aws_sns_topic.this.arn]
  }
}

resource "aws_ecr_repository" "this" {
  name                 = "${local.name}/serving"
  image_tag_mutability = "IMMUTABLE"
}

resource "aws_kms_key" "records" {
  description = "${local.name} records"
}

resource "aws_dynamodb_table" "records" {
  name                        = local.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "claim"
  range_key                   = "entry"
  deletion_protection_enabled = false

  attribute {
    name = "claim"
    type = "S"
  }

  attribute {
    name = "entry"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.records.arn
  }

  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_dynamodb_resource_policy" "records" {
  resource_arn = aws_dynamodb_table.records.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = ["dynamodb:Scan"]
      Resource  = [aws_dynamodb_table.records.arn]
    }]
  })
}

resource "aws_cloudwatch_event_rule" "uploads" {
  name          = local.name
  event_pattern = jsonencode({ source = ["aws.s3"], detail = { object = { key = [{ prefix = "in/" }] } } })
}

resource "aws_cloudwatch_event_target" "uploads" {
  rule      = aws_cloudwatch_event_rule.uploads.name
  target_id = "target"
  arn       = aws_sfn_state_machine.this.arn
  role_arn  = aws_iam_role.this.arn

  input_transformer {
    input_paths    = { key = "$.detail.object.key" }
    input_template = "{\"key\": <key>}"
  }

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 20
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }
}

resource "aws_s3_bucket" "uploads" {
  bucket = "${local.name}-${local.account}-uploads"
}

resource "aws_s3_bucket_notification" "uploads" {
  bucket      = aws_s3_bucket.uploads.bucket
  eventbridge = true
}
