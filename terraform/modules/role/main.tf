data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # StringEquals and friends are maps from key to values, so conditions are grouped by their test.
  # Everything is sorted by Terraform's own map order: the document does not depend on the input's.
  _conditions = {
    for s in var.statements : s.sid => {
      for test in distinct(s.conditions[*].test) : test => {
        for c in s.conditions : c.variable => c.values if c.test == test
      }
    }
  }

  _statements = [
    for s in var.statements : merge(
      {
        Sid      = s.sid
        Effect   = s.effect
        Action   = s.actions
        Resource = s.resources
      },
      length(s.conditions) == 0 ? {} : { Condition = local._conditions[s.sid] },
    )
  ]

  _trust_condition = merge(
    var.trust.service == null || !var.trust.source_account ? {} : {
      StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
    },
    length(var.trust.source_arns) == 0 ? {} : {
      ArnLike = { "aws:SourceArn" = var.trust.source_arns }
    },
  )

  # Strings, because the two principals have different shapes and a conditional wants one type.
  _trust_principal = var.trust.service == null ? jsonencode({ AWS = sort(var.trust.principal_arns) }) : jsonencode({ Service = var.trust.service })

  _trust_statement = merge(
    {
      Sid       = var.trust.service == null ? "AssumedByPeople" : "AssumedByService"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = jsondecode(local._trust_principal)
    },
    length(local._trust_condition) == 0 ? {} : { Condition = local._trust_condition },
  )
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = var.description
  permissions_boundary = var.boundary_arn
  max_session_duration = var.max_session_seconds

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local._trust_statement]
  })
}

resource "aws_iam_role_policy" "this" {
  count = length(var.statements) == 0 ? 0 : 1

  name = "statements"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local._statements
  })

  lifecycle {
    precondition {
      # IAM does not count white space, and jsonencode writes none.
      condition     = length(jsonencode({ Version = "2012-10-17", Statement = local._statements })) <= 10240
      error_message = "The statements of role ${var.name} exceed 10,240 characters, the limit of IAM for inline policies: merge statements or split the role."
    }
  }
}
