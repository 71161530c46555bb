# Resources are bound by name where their ARNs carry it, and by region everywhere. What has no name in its
# ARN (networks, keys) is bound by what must never be made of it.

locals {
  _p = "arn:${data.aws_partition.current.partition}"
  _here = { for service in [
    "cloudwatch", "dynamodb", "ecr", "events", "kms", "lambda", "logs", "sagemaker", "sns", "sqs", "states",
  ] : service => "${local._p}:${service}:${var.region}:${var.account_id}" }

  _own_roles  = "${local._iam}:role/${var.project}-*"
  _own_bucket = "${local._p}:s3:::${var.project}-*"
  _in_region  = { StringEquals = { "aws:RequestedRegion" = var.region } }

  # Contents are the people's and the workloads' business. The pipeline meets them only where an environment
  # is to be destroyed with everything in it.
  _emptying = length(var.disposable_environments) == 0 ? [] : [
    {
      Sid    = "EmptyBuckets"
      Effect = "Allow"
      Action = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"]
      Resource = flatten([
        for name in sort(var.disposable_environments) :
        ["${local._p}:s3:::${var.project}-${name}-*", "${local._p}:s3:::${var.project}-${name}-*/*"]
      ])
    },
  ]

  _deploy_policies = {
    identity = [
      # Creating a role, and changing what it may do, only under the boundary.
      {
        Sid       = "RolesUnderBoundary"
        Effect    = "Allow"
        Action    = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource  = local._own_roles
        Condition = { StringEquals = { "iam:PermissionsBoundary" = module.boundary.arn } }
      },
      {
        Sid    = "RoleSettings"
        Effect = "Allow"
        Action = [
          "iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
          "iam:UpdateRoleDescription",
        ]
        Resource = local._own_roles
      },
      {
        Sid      = "PassRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = local._own_roles
        Condition = {
          StringEquals = {
            "iam:PassedToService" = [
              "events.amazonaws.com", "lambda.amazonaws.com", "sagemaker.amazonaws.com", "states.amazonaws.com",
              "vpc-flow-logs.amazonaws.com",
            ]
          }
        }
      },
      {
        Sid    = "AutoscalingServiceRoles"
        Effect = "Allow"
        Action = "iam:CreateServiceLinkedRole"
        Resource = [
          for service in ["lambda", "sagemaker"] :
          "${local._iam}:role/aws-service-role/${service}.application-autoscaling.amazonaws.com/*"
        ]
        Condition = {
          StringEquals = {
            "iam:AWSServiceName" = ["lambda.application-autoscaling.amazonaws.com", "sagemaker.application-autoscaling.amazonaws.com"]
          }
        }
      },
      # The pipeline must not widen its own door, or the ceiling over everything it makes.
      {
        Sid    = "NeverItself"
        Effect = "Deny"
        Action = [
          "iam:AttachRolePolicy", "iam:DeleteRole*", "iam:DetachRolePolicy", "iam:PutRole*", "iam:Update*",
          "iam:CreatePolicyVersion", "iam:DeletePolicy*", "iam:SetDefaultPolicyVersion",
        ]
        Resource = concat(values(local._ci_roles), ["${local._iam}:policy/*"])
      },
      {
        Sid      = "NeverWithoutBoundary"
        Effect   = "Deny"
        Action   = "iam:DeleteRolePermissionsBoundary"
        Resource = "*"
      },
    ]

    network = [
      {
        Sid    = "PrivateNetwork"
        Effect = "Allow"
        Action = [
          "ec2:AssociateRouteTable", "ec2:AuthorizeSecurityGroup*", "ec2:CreateFlowLogs", "ec2:CreateRouteTable",
          "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateTags", "ec2:CreateVpc", "ec2:CreateVpcEndpoint",
          "ec2:DeleteFlowLogs", "ec2:DeleteRouteTable", "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags",
          "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints", "ec2:DisassociateRouteTable", "ec2:ModifySecurityGroupRules",
          "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint", "ec2:RevokeSecurityGroup*",
        ]
        Resource  = "*"
        Condition = local._in_region
      },
      # An endpoint with private DNS brings a hosted zone of AWS's along: CreateVpcEndpoint depends on it, says
      # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
      {
        Sid      = "PrivateDnsOfEndpoints"
        Effect   = "Allow"
        Action   = "route53:AssociateVPCWithHostedZone"
        Resource = "${local._p}:route53:::hostedzone/*"
      },
      # Implied by the lists above; written out so that no other policy can ever grant it.
      {
        Sid    = "NeverToTheInternet"
        Effect = "Deny"
        Action = [
          "ec2:AllocateAddress", "ec2:AttachInternetGateway", "ec2:CreateEgressOnlyInternetGateway",
          "ec2:CreateInternetGateway", "ec2:CreateNatGateway", "ec2:CreateRoute", "ec2:CreateTransitGateway*",
          "ec2:CreateVpcPeeringConnection", "ec2:CreateVpnGateway",
        ]
        Resource = "*"
      },
    ]

    storage = concat(local._emptying, [
      {
        Sid    = "Buckets"
        Effect = "Allow"
        Action = [
          "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketLogging",
          "s3:PutBucketNotification", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
          "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning",
          "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
        ]
        Resource = local._own_bucket
      },
      # Locks are deleted when an apply ends; of the state itself a version stays.
      {
        Sid      = "State"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = local._state_objects
      },
      {
        Sid    = "NeverTheStateBucketItself"
        Effect = "Deny"
        Action = [
          "s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:PutBucket*", "s3:PutEncryptionConfiguration",
          "s3:PutLifecycleConfiguration",
        ]
        Resource = [module.state.arn, "${module.state.arn}/*", module.state_logs.arn, "${module.state_logs.arn}/*"]
      },
      # Tables, not what is in them.
      {
        Sid    = "Tables"
        Effect = "Allow"
        Action = [
          "dynamodb:CreateTable", "dynamodb:DeleteResourcePolicy", "dynamodb:DeleteTable", "dynamodb:PutResourcePolicy",
          "dynamodb:TagResource", "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable",
        ]
        Resource = "${local._here.dynamodb}:table/${var.project}-*"
      },
      # A key has no name, and its policy is its own guard: this account's pipeline makes and administers keys.
      {
        Sid    = "Keys"
        Effect = "Allow"
        Action = [
          "kms:CreateAlias", "kms:CreateKey", "kms:DeleteAlias", "kms:EnableKeyRotation",
          "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
          "kms:UpdateKeyDescription",
        ]
        Resource  = "*"
        Condition = local._in_region
      },
      {
        Sid      = "KeysThroughServices"
        Effect   = "Allow"
        Action   = ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource = "${local._here.kms}:key/*"
        Condition = {
          StringLike = { "kms:ViaService" = "*.${var.region}.amazonaws.com" }
        }
      },
      {
        Sid      = "NeverTheStateKeyItself"
        Effect   = "Deny"
        Action   = ["kms:DisableKey*", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]
        Resource = aws_kms_key.state.arn
      },
      {
        Sid    = "Repositories"
        Effect = "Allow"
        Action = [
          "ecr:CreateRepository", "ecr:DeleteLifecyclePolicy", "ecr:DeleteRepository", "ecr:PutImageScanningConfiguration",
          "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy", "ecr:TagResource", "ecr:UntagResource",
        ]
        Resource = "${local._here.ecr}:repository/${var.project}-*"
      },
      # What "docker push" calls: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
      {
        Sid    = "PushImages"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload",
          "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = "${local._here.ecr}:repository/${var.project}-*"
      },
      {
        Sid       = "RegistryLogin"
        Effect    = "Allow"
        Action    = "ecr:GetAuthorizationToken"
        Resource  = "*"
        Condition = local._in_region
      },
    ])

    workloads = [
      {
        Sid    = "Functions"
        Effect = "Allow"
        Action = [
          "lambda:AddPermission", "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteAlias",
          "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency", "lambda:DeleteFunctionEventInvokeConfig",
          "lambda:DeleteProvisionedConcurrencyConfig", "lambda:PublishVersion", "lambda:PutFunctionConcurrency",
          "lambda:PutFunctionEventInvokeConfig", "lambda:PutProvisionedConcurrencyConfig", "lambda:RemovePermission",
          "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias", "lambda:UpdateFunctionCode",
          "lambda:UpdateFunctionConfiguration",
        ]
        Resource = "${local._here.lambda}:function:${var.project}-*"
      },
      {
        Sid    = "Models"
        Effect = "Allow"
        # What serves, and where models wait. Training, approving and calling are for the people's roles.
        Action = [
          "sagemaker:AddTags", "sagemaker:CreateEndpoint", "sagemaker:CreateEndpointConfig", "sagemaker:CreateModel",
          "sagemaker:CreateModelPackageGroup", "sagemaker:DeleteEndpoint", "sagemaker:DeleteEndpointConfig",
          "sagemaker:DeleteModel", "sagemaker:DeleteModelPackage", "sagemaker:DeleteModelPackageGroup",
          "sagemaker:DeleteTags", "sagemaker:UpdateEndpoint",
        ]
        Resource = [
          for type in ["endpoint", "endpoint-config", "model", "model-package", "model-package-group"] :
          "${local._here.sagemaker}:${type}/${var.project}-*"
        ]
      },
      # A model has no network but the VPC, whoever writes the Terraform. One key each: all conditions of a statement
      # must hold for it to deny.
      {
        Sid       = "NeverModelsWithNetwork"
        Effect    = "Deny"
        Action    = "sagemaker:CreateModel"
        Resource  = "*"
        Condition = { BoolIfExists = { "sagemaker:NetworkIsolation" = "false" } }
      },
      {
        Sid       = "NeverModelsWithoutSecurityGroup"
        Effect    = "Deny"
        Action    = "sagemaker:CreateModel"
        Resource  = "*"
        Condition = { Null = { "sagemaker:VpcSecurityGroupIds" = "true" } }
      },
      {
        Sid       = "NeverModelsWithoutSubnets"
        Effect    = "Deny"
        Action    = "sagemaker:CreateModel"
        Resource  = "*"
        Condition = { Null = { "sagemaker:VpcSubnets" = "true" } }
      },
      {
        Sid    = "StateMachines"
        Effect = "Allow"
        Action = [
          "states:CreateStateMachine", "states:DeleteStateMachine", "states:PublishStateMachineVersion",
          "states:TagResource", "states:UntagResource", "states:UpdateStateMachine",
        ]
        Resource = "${local._here.states}:stateMachine:${var.project}-*"
      },
      {
        Sid    = "Rules"
        Effect = "Allow"
        Action = [
          "events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource",
          "events:UntagResource",
        ]
        Resource = "${local._here.events}:rule/${var.project}-*"
      },
      {
        Sid    = "Messages"
        Effect = "Allow"
        Action = [
          "sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource",
          "sns:UntagResource", "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue",
          "sqs:UntagQueue",
        ]
        Resource = ["${local._here.sns}:${var.project}-*", "${local._here.sqs}:${var.project}-*"]
      },
      # AWS defines no resource for it: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
      {
        Sid       = "Unsubscribe"
        Effect    = "Allow"
        Action    = "sns:Unsubscribe"
        Resource  = "*"
        Condition = local._in_region
      },
      {
        Sid    = "LogsAndAlarms"
        Effect = "Allow"
        Action = [
          "cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource",
          "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy",
          "logs:TagResource", "logs:UntagResource",
        ]
        Resource = concat(
          ["${local._here.cloudwatch}:alarm:${var.project}-*"],
          [for group in ["/aws/lambda/", "/aws/sagemaker/", "/aws/vendedlogs/states/", "/slipway/"] : "${local._here.logs}:log-group:${group}*"],
        )
      },
      {
        Sid    = "LogDeliveryAndScaling"
        Effect = "Allow"
        Action = [
          "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeleteScheduledAction",
          "application-autoscaling:DeregisterScalableTarget", "application-autoscaling:PutScalingPolicy",
          "application-autoscaling:PutScheduledAction", "application-autoscaling:RegisterScalableTarget",
          "application-autoscaling:TagResource", "application-autoscaling:UntagResource",
          "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:GetLogDelivery", "logs:ListLogDeliveries",
          "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
        ]
        Resource  = "*"
        Condition = local._in_region
      },
    ]
  }
}
