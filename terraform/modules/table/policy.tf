data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # Composed from the name rather than read from the table, so that a plan shows the policy before the table exists.
  _arn = join(":", [
    "arn", data.aws_partition.current.partition, "dynamodb", data.aws_region.current.id,
    data.aws_caller_identity.current.account_id, "table/${aws_dynamodb_table.this.name}",
  ])

  _outside_arns = sort(distinct(flatten(var.outside_access[*].principal_arns)))

  # Use of items, not administration: whoever runs Terraform manages the table from anywhere. PartiQL is here because it
  # reads and writes under actions of its own, export because it copies everything at once.
  _data_actions = [
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:ExportTableToPointInTime",
    "dynamodb:GetItem",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLSelect",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
  ]

  # All conditions of one statement must hold for it to deny. A request that did not come through an endpoint has no
  # aws:SourceVpce, and a negated test of an absent key holds.
  _wall_condition = merge(
    {
      BoolIfExists = {
        "aws:PrincipalIsAWSService" = "false"
        "aws:ViaAWSService"         = "false"
      }
    },
    length(var.vpc_endpoint_ids) == 0 ? {} : {
      StringNotEquals = { "aws:SourceVpce" = sort(var.vpc_endpoint_ids) }
    },
    length(local._outside_arns) == 0 ? {} : {
      ArnNotLike = { "aws:PrincipalArn" = local._outside_arns }
    },
  )
}

resource "aws_dynamodb_resource_policy" "this" {
  resource_arn = aws_dynamodb_table.this.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyDataOutsideVpcEndpoint"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = local._data_actions
        Resource  = [local._arn, "${local._arn}/index/*"]
        Condition = local._wall_condition
      },
    ]
  })
}
