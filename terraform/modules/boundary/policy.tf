# A boundary is a ceiling, not a grant: a role may do what its own policy AND this document allow. So
# it lists services in families of actions, leaves the exact choice to the roles, and spends its words
# on what must never happen. Denials count even against policies of resources; a mere absence does not.

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition
  _region    = data.aws_region.current.id

  _ceiling = [
    # People who switch a workbench on.
    "autoscaling:Describe*", "autoscaling:SetDesiredCapacity",
    "cloudwatch:GetMetric*", "cloudwatch:ListMetrics", "cloudwatch:PutMetricData", "cloudwatch:Describe*",
    # Records are read and added to; nothing that runs here deletes them.
    "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
    # Network interfaces of functions, training jobs and endpoints in the VPC.
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission", "ec2:Describe*",
    "ec2:UnassignPrivateIpAddresses",
    # The SSM agent of an EC2 workbench, and who comes in by it.
    "ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage", "ec2messages:Get*",
    "ec2messages:SendReply", "ssm:Describe*", "ssm:Get*", "ssm:List*", "ssm:PutInventory", "ssm:UpdateInstance*",
    "ssm:ResumeSession", "ssm:StartSession", "ssm:TerminateSession", "ssmmessages:Create*", "ssmmessages:Open*",
    "ecr:Batch*", "ecr:Describe*", "ecr:Get*", "ecr:List*",
    # Step Functions keeps rules of its own for .sync tasks.
    "events:DescribeRule", "events:PutEvents", "events:PutRule", "events:PutTargets",
    "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*",
    "lambda:GetFunction*", "lambda:Invoke*",
    "logs:Create*", "logs:DeleteLogDelivery", "logs:Describe*", "logs:FilterLogEvents", "logs:Get*", "logs:List*",
    "logs:Put*", "logs:StartQuery", "logs:UpdateLogDelivery",
    "s3:AbortMultipartUpload", "s3:DeleteObject*", "s3:Get*", "s3:List*", "s3:PutObject*",
    "sagemaker:AddTags", "sagemaker:BatchGet*", "sagemaker:BatchPutMetrics",
    "sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateModel", "sagemaker:CreateModelPackage",
    "sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob", "sagemaker:CreateTransformJob",
    "sagemaker:Describe*", "sagemaker:Get*", "sagemaker:InvokeEndpoint*", "sagemaker:List*", "sagemaker:Search", "sagemaker:Stop*",
    "sagemaker:UpdateModelPackage",
    "sns:GetTopicAttributes", "sns:Publish",
    "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueue*", "sqs:ReceiveMessage", "sqs:SendMessage",
    "states:Describe*", "states:GetExecutionHistory", "states:List*", "states:RedriveExecution",
    "states:SendTask*", "states:Start*", "states:StopExecution",
    "sts:GetCallerIdentity",
    "xray:Get*", "xray:Put*",
  ]

  # Two Null tests in one statement must both hold, so that a job with one of the two settings would
  # slip through: hence one statement per setting. The key names are those of the service
  # authorization reference for SageMaker.
  _jobs = ["sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob"]
  _envelope = {
    InterContainerTrafficEncryption = {
      actions   = local._jobs
      condition = { BoolIfExists = { "sagemaker:InterContainerTrafficEncryption" = "false" } }
    }
    NetworkIsolation = {
      actions   = concat(local._jobs, ["sagemaker:CreateModel"])
      condition = { BoolIfExists = { "sagemaker:NetworkIsolation" = "false" } }
    }
    OutputKmsKey = {
      actions   = concat(local._jobs, ["sagemaker:CreateTransformJob"])
      condition = { Null = { "sagemaker:OutputKmsKey" = "true" } }
    }
    VolumeKmsKey = {
      actions   = concat(local._jobs, ["sagemaker:CreateTransformJob"])
      condition = { Null = { "sagemaker:VolumeKmsKey" = "true" } }
    }
    VpcSecurityGroupIds = {
      actions   = concat(local._jobs, ["sagemaker:CreateModel"])
      condition = { Null = { "sagemaker:VpcSecurityGroupIds" = "true" } }
    }
    VpcSubnets = {
      actions   = concat(local._jobs, ["sagemaker:CreateModel"])
      condition = { Null = { "sagemaker:VpcSubnets" = "true" } }
    }
  }

  _policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Ceiling"
          Effect   = "Allow"
          Action   = local._ceiling
          Resource = "*"
        },
        {
          Sid      = "PassRole"
          Effect   = "Allow"
          Action   = "iam:PassRole"
          Resource = "arn:${local._partition}:iam::${local._account}:role/${var.passable_roles}*"
          Condition = {
            StringEquals = {
              "iam:PassedToService" = ["lambda.amazonaws.com", "sagemaker.amazonaws.com", "states.amazonaws.com"]
            }
          }
        },
        {
          Sid    = "DenyIdentityChanges"
          Effect = "Deny"
          Action = [
            "iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:Put*", "iam:Remove*", "iam:Set*",
            "iam:Tag*", "iam:Untag*", "iam:Update*", "iam:Upload*", "organizations:*", "account:*",
          ]
          Resource = "*"
        },
        # iam:PassRole is exempt because IAM, a global service, may be asked in another region's name.
        {
          Sid       = "DenyOtherRegions"
          Effect    = "Deny"
          NotAction = ["iam:PassRole"]
          Resource  = "*"
          Condition = { StringNotEquals = { "aws:RequestedRegion" = local._region } }
        },
        {
          Sid       = "DenyDataOfOtherAccounts"
          Effect    = "Deny"
          Action    = ["dynamodb:*", "kms:*", "s3:*", "sns:*", "sqs:*"]
          Resource  = "*"
          Condition = { StringNotEqualsIfExists = { "aws:ResourceAccount" = local._account } }
        },
      ],
      [
        for setting, rule in local._envelope : {
          Sid       = "DenyWithout${setting}"
          Effect    = "Deny"
          Action    = rule.actions
          Resource  = "*"
          Condition = rule.condition
        }
      ],
    )
  })
}
