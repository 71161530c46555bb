locals {
  _allowed_actions = flatten([for s in var.statements : s.actions if s.effect == "Allow"])
  _reads_objects   = anytrue([for action in local._allowed_actions : startswith(action, "s3:GetObject")])
  _writes_objects  = anytrue([for action in local._allowed_actions : startswith(action, "s3:PutObject")])
  _uses_records    = anytrue([for action in local._allowed_actions : startswith(action, "dynamodb:")])

  # The ones Lambda itself uses with the role to put the function into the VPC.
  _interface_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]

  _own_statements = [
    {
      sid       = "WriteLogs"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["arn:${data.aws_partition.current.partition}:logs:${local._account}:log-group:${local._log_group}:*"]
    },
    {
      sid             = "ManageInterfaces"
      actions         = local._interface_actions
      resources       = ["*"]
      wildcard_reason = "Lambda makes the function's network interfaces with this role; the Describe actions support no resource, and the interfaces' ids are unknown beforehand"
    },
    {
      # Lambda sets this key when code calls with the role, not when the service does.
      sid       = "NoInterfacesFromCode"
      effect    = "Deny"
      actions   = concat(local._interface_actions, ["ec2:DetachNetworkInterface"])
      resources = ["*"]
      conditions = [{
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = [local._function_arn]
      }]
    },
    {
      sid             = "Trace"
      actions         = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources       = ["*"]
      wildcard_reason = "X-Ray's write actions support no resource"
    },
    {
      sid       = "SendDeadLetters"
      actions   = ["sqs:SendMessage"]
      resources = [local._queue_arn]
    },
    {
      sid       = "EncryptDeadLetters"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.keys.messages]
      conditions = [{
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["sqs.${local._region}.${data.aws_partition.current.dns_suffix}"]
      }]
    },
  ]

  # Lambda's own grant names the role by its unique id: it is void once the role is made anew.
  _environment_statements = length(var.environment) == 0 ? [] : [{
    sid       = "DecryptEnvironment"
    actions   = ["kms:Decrypt"]
    resources = [var.keys.data]
    conditions = [{
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:lambda:FunctionArn"
      values   = [local._function_arn]
    }]
  }]

  # Who may read or write encrypted objects needs their key, through S3 and nothing else.
  _object_key_statements = !local._reads_objects && !local._writes_objects ? [] : [{
    sid = "UseDataKeyThroughS3"
    actions = concat(
      local._reads_objects ? ["kms:Decrypt"] : [],
      local._writes_objects ? ["kms:GenerateDataKey"] : [],
    )
    resources = [var.keys.data]
    conditions = [{
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local._region}.${data.aws_partition.current.dns_suffix}"]
    }]
  }]
}

locals {
  # DynamoDB opens an encrypted table in the caller's name, whether to read or to write.
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
  _record_key_statements = !local._uses_records ? [] : [{
    sid       = "UseDataKeyThroughDynamoDb"
    actions   = ["kms:Decrypt"]
    resources = [var.keys.data]
    conditions = [{
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${local._region}.${data.aws_partition.current.dns_suffix}"]
    }]
  }]
}

module "role" {
  source = "../role"

  boundary_arn = var.boundary_arn
  description  = "Execution role of function ${var.name}"
  name         = var.name
  trust        = { service = "lambda.amazonaws.com" }

  statements = concat(
    local._own_statements,
    local._environment_statements,
    local._object_key_statements,
    local._record_key_statements,
    var.statements,
  )
}
