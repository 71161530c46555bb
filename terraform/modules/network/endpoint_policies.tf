# Both halves matter. The principals: credentials of another account, carried in by an attacker, reach
# nothing, so that data cannot be handed over at an endpoint. The resources: this account's own.
#
# The principal is "*" under a condition on aws:PrincipalAccount, because in the policy of a gateway
# endpoint an account's ARN as principal stands for the root user alone; one form serves both kinds.
# AWS takes no wildcard in the condition's value, and none beside the account id in a resource's ARN.

locals {
  _own = { for service in [
    "cloudwatch", "ecr", "events", "kms", "lambda", "logs", "sagemaker", "sns", "sqs", "ssm", "states",
  ] : service => "arn:${local._partition}:${service}:${local._region}:${local._account}" }

  _roles = "arn:${local._partition}:iam::${local._account}:role/*"

  # scoped: actions on this account's resources. unscoped: actions for which AWS defines no resource,
  # so that only "*" matches; the condition on the principal holds for them too.
  _services = {
    ec2messages = {
      scoped    = []
      resources = []
      unscoped = [
        "ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage",
        "ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply",
      ]
    }
    "ecr.api" = local._ecr
    "ecr.dkr" = local._ecr
    events = {
      scoped    = ["events:DescribeRule", "events:PutEvents", "events:PutRule", "events:PutTargets"]
      resources = ["${local._own.events}:event-bus/*", "${local._own.events}:rule/*"]
      unscoped  = []
    }
    kms = {
      scoped = [
        "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*",
      ]
      resources = ["${local._own.kms}:alias/*", "${local._own.kms}:key/*"]
      unscoped  = []
    }
    lambda = {
      scoped    = ["lambda:GetFunction*", "lambda:Invoke*"]
      resources = ["${local._own.lambda}:function:*"]
      unscoped  = []
    }
    logs = {
      scoped = [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
        "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
      ]
      resources = ["${local._own.logs}:log-group:*"]
      unscoped  = []
    }
    monitoring = {
      scoped    = ["cloudwatch:DescribeAlarms"]
      resources = ["${local._own.cloudwatch}:alarm:*"]
      unscoped  = ["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics", "cloudwatch:PutMetricData"]
    }
    "sagemaker.api" = {
      scoped = [
        "sagemaker:AddTags", "sagemaker:BatchDescribe*", "sagemaker:Create*", "sagemaker:Delete*", "sagemaker:Describe*",
        "sagemaker:List*", "sagemaker:Stop*", "sagemaker:Update*",
      ]
      resources = ["${local._own.sagemaker}:*"]
      unscoped  = ["sagemaker:BatchPutMetrics", "sagemaker:List*", "sagemaker:Search"]
    }
    "sagemaker.runtime" = {
      scoped    = ["sagemaker:InvokeEndpoint*"]
      resources = ["${local._own.sagemaker}:endpoint/*"]
      unscoped  = []
    }
    sns = {
      scoped    = ["sns:GetTopicAttributes", "sns:Publish"]
      resources = ["${local._own.sns}:*"]
      unscoped  = []
    }
    sqs = {
      scoped = [
        "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
        "sqs:ReceiveMessage", "sqs:SendMessage",
      ]
      resources = ["${local._own.sqs}:*"]
      unscoped  = []
    }
    ssm = {
      scoped = ["ssm:GetDocument", "ssm:GetParameter*", "ssm:UpdateAssociationStatus", "ssm:UpdateInstance*"]
      resources = [
        "${local._own.ssm}:association/*", "${local._own.ssm}:document/*", "${local._own.ssm}:managed-instance/*",
        "${local._own.ssm}:parameter/*", "arn:${local._partition}:ec2:${local._region}:${local._account}:instance/*",
        "arn:${local._partition}:ssm:${local._region}::document/AWS-*",
      ]
      unscoped = [
        "ssm:DescribeAssociation", "ssm:DescribeDocument", "ssm:GetDeployablePatchSnapshotForInstance", "ssm:GetManifest",
        "ssm:ListAssociations", "ssm:ListInstanceAssociations", "ssm:PutComplianceItems", "ssm:PutInventory",
      ]
    }
    ssmmessages = {
      scoped    = []
      resources = []
      unscoped = [
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ]
    }
    states = {
      scoped    = ["states:Describe*", "states:GetExecutionHistory", "states:ListExecutions", "states:Start*", "states:StopExecution"]
      resources = ["${local._own.states}:*"]
      unscoped  = ["states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess"]
    }
    sts = {
      scoped    = ["sts:AssumeRole", "sts:TagSession"]
      resources = [local._roles]
      unscoped  = ["sts:GetCallerIdentity"]
    }
  }

  _ecr = {
    scoped = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
      "ecr:DescribeRepositories", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:ListImages",
      "ecr:PutImage", "ecr:UploadLayerPart",
    ]
    resources = ["${local._own.ecr}:repository/*"]
    unscoped  = ["ecr:GetAuthorizationToken"]
  }

  _own_principals = { StringEquals = { "aws:PrincipalAccount" = local._account } }

  _interface_policies = {
    for name, service in local._services : name => {
      Version = "2012-10-17"
      Statement = [
        for statement in [
          {
            Sid       = "OwnPrincipalsOwnResources"
            Effect    = "Allow"
            Principal = "*"
            Action    = service.scoped
            Resource  = service.resources
            Condition = local._own_principals
          },
          {
            Sid       = "OwnPrincipalsActionsWithoutResource"
            Effect    = "Allow"
            Principal = "*"
            Action    = service.unscoped
            Resource  = ["*"]
            Condition = local._own_principals
          },
        ] : statement if length(statement.Action) > 0
      ]
    }
  }

  # ECR answers a pull with a signed link into this bucket of AWS, signed by ECR and not by the caller.
  _readable_objects = sort(distinct(concat(
    var.extra_bucket_arns,
    contains(var.services, "ecr.dkr") ? ["arn:${local._partition}:s3:::prod-${local._region}-starport-layer-bucket/*"] : [],
  )))

  # What functions do with records: no scan, no change, no table of anybody else.
  _dynamodb_policy = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OwnPrincipalsOwnTables"
      Effect    = "Allow"
      Principal = "*"
      Action    = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
      Resource  = sort(var.table_arns)
      Condition = local._own_principals
    }]
  }

  _s3_policy = {
    Version = "2012-10-17"
    Statement = [
      for statement in [
        {
          Sid       = "OwnPrincipalsOwnBuckets"
          Effect    = "Allow"
          Principal = "*"
          Action    = ["s3:AbortMultipartUpload", "s3:DeleteObject*", "s3:Get*", "s3:List*", "s3:PutObject*"]
          Resource  = flatten([for arn in sort(var.bucket_arns) : [arn, "${arn}/*"]])
          Condition = local._own_principals
        },
        {
          Sid       = "ReadNamedBucketsOfAws"
          Effect    = "Allow"
          Principal = "*"
          Action    = ["s3:GetObject"]
          Resource  = local._readable_objects
          Condition = {}
        },
      ] : { for key, value in statement : key => value if length(value) > 0 } if length(statement.Resource) > 0
    ]
  }
}
