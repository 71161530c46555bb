module "role" {
  source = "../role"

  name         = local._name
  description  = "State machine ${local._name}: invokes the functions, reports failures${local._maps ? ", maps over images" : ""}"
  boundary_arn = var.boundary_arn

  trust = {
    service     = "states.amazonaws.com"
    source_arns = [local._state_machine_arn]
  }

  statements = local._statements
}

locals {
  # A Distributed Map starts children of its own state machine, and lists and writes the bucket itself.
  _map_statements = [
    {
      sid       = "StartChildExecutions"
      actions   = ["states:StartExecution"]
      resources = [local._state_machine_arn]
    },
    {
      # Children are named execution:<state machine>/<map label>:<id>.
      sid       = "FollowChildExecutions"
      actions   = ["states:DescribeExecution", "states:StopExecution"]
      resources = ["${local._execution_arn}:*", "${local._execution_arn}/Objects:*"]
    },
    {
      # So that a redriven run takes up its failed children instead of starting all of them again.
      sid       = "RedriveChildExecutions"
      actions   = ["states:RedriveExecution"]
      resources = ["${local._execution_arn}/Objects:*"]
    },
    {
      sid       = "ListIncoming"
      actions   = ["s3:ListBucket"]
      resources = [var.data_bucket.arn]
      conditions = [{
        test     = "StringLike"
        variable = "s3:prefix"
        values   = [for prefix in var.incoming_prefixes : "${prefix}*"]
      }]
    },
    {
      # The four actions a ResultWriter needs: large result files are uploaded in parts.
      sid       = "WriteMapResults"
      actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
      resources = ["${var.data_bucket.arn}/${local._results}/*"]
    },
    {
      sid       = "UseDataKeyThroughS3"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.keys.data]
      conditions = [{
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${local._region}.amazonaws.com"]
      }]
    },
  ]

  _statements = concat(
    [
      {
        sid       = "InvokeFunctions"
        actions   = ["lambda:InvokeFunction"]
        resources = values(var.functions)
      },
    ],
    [for statement in local._map_statements : statement if local._maps],
    [
      {
        # The definition and the executions' data are encrypted under this key by the state machine itself.
        sid       = "UseDataKeyForThisStateMachine"
        actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
        resources = [var.keys.data]
        conditions = [{
          test     = "StringEquals"
          variable = "kms:EncryptionContext:aws:states:stateMachineArn"
          values   = [local._state_machine_arn]
        }]
      },
      {
        # The log leaves the state machine encrypted under this key, with this account's logs as its context.
        sid       = "EncryptLogs"
        actions   = ["kms:GenerateDataKey"]
        resources = [var.keys.data]
        conditions = [{
          test     = "StringEquals"
          variable = "kms:EncryptionContext:SourceArn"
          values   = ["arn:${local._partition}:logs:${local._region}:${local._account}:*"]
        }]
      },
      {
        sid       = "ReportFailures"
        actions   = ["sns:Publish"]
        resources = [aws_sns_topic.failures.arn]
      },
      {
        sid       = "EncryptReports"
        actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
        resources = [var.keys.messages]
        conditions = [{
          test     = "StringEquals"
          variable = "kms:ViaService"
          values   = ["sns.${local._region}.amazonaws.com"]
        }]
      },
      {
        sid = "DeliverLogs"
        actions = [
          "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
        ]
        resources       = ["*"]
        wildcard_reason = "CloudWatch's log delivery actions know no resource (Step Functions developer guide, Logging in CloudWatch Logs)"
      },
      {
        sid = "Trace"
        actions = [
          "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
        ]
        resources       = ["*"]
        wildcard_reason = "X-Ray's write actions know no resource (service authorization reference, AWS X-Ray)"
      },
    ],
  )
}
