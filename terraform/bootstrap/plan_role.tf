# Settings, not contents. AWS's ReadOnlyAccess would also read every object, message and parameter.

locals {
  _state_objects = "${module.state.arn}/*"

  _plan_policies = {
    read = [
      {
        Sid    = "ReadSettings"
        Effect = "Allow"
        Action = [
          "application-autoscaling:Describe*", "application-autoscaling:List*",
          "cloudwatch:Describe*", "cloudwatch:List*",
          "dynamodb:Describe*", "dynamodb:GetResourcePolicy", "dynamodb:ListTagsOfResource",
          "ec2:Describe*",
          "ecr:Describe*", "ecr:GetLifecyclePolicy", "ecr:List*",
          "events:DescribeRule", "events:List*",
          "iam:GetRole", "iam:GetRolePolicy", "iam:List*",
          "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:List*",
          "lambda:GetAccountSettings", "lambda:GetAlias", "lambda:GetFunction*", "lambda:GetPolicy",
          "lambda:GetProvisionedConcurrencyConfig", "lambda:List*",
          "logs:Describe*", "logs:List*",
          "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration",
          "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket",
          "sagemaker:Describe*", "sagemaker:List*",
          "sns:Get*", "sns:List*",
          "sqs:GetQueueAttributes", "sqs:List*",
          "states:Describe*", "states:List*", "states:ValidateStateMachineDefinition",
        ]
        Resource = "*"
      },
      {
        Sid      = "ReadState"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = local._state_objects
      },
      {
        Sid       = "DecryptState"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = aws_kms_key.state.arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
      },
    ]
  }
}
