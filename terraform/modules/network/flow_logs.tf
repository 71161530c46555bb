resource "aws_cloudwatch_log_group" "flow" {
  name              = "/slipway/${var.name}/flow"
  kms_key_id        = var.logs_key_arn
  retention_in_days = var.log_retention_days
}

module "flow_log_role" {
  source = "../role"

  name         = "${var.name}-flow-logs"
  description  = "Writes the flow logs of ${var.name}"
  boundary_arn = var.boundary_arn

  trust = {
    service     = "vpc-flow-logs.amazonaws.com"
    source_arns = ["arn:${local._partition}:ec2:${local._region}:${local._account}:vpc-flow-log/*"]
  }

  statements = [
    {
      sid       = "WriteFlowLogs"
      actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.flow.arn}:*"]
    },
    {
      sid             = "FindLogGroup"
      actions         = ["logs:DescribeLogGroups"]
      resources       = ["arn:${local._partition}:logs:${local._region}:${local._account}:log-group:*"]
      wildcard_reason = "DescribeLogGroups lists groups and is decided on all of the account's"
    },
  ]
}

resource "aws_flow_log" "this" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = "ALL"
  iam_role_arn             = module.flow_log_role.arn
  log_destination          = aws_cloudwatch_log_group.flow.arn
  max_aggregation_interval = 60

  tags = { Name = var.name }
}
