locals {
  _machine_arn = "arn:${local._partition}:states:${local._account}:stateMachine:${local._machine_name}"
  _ec2_arn     = "arn:${local._partition}:ec2:${local._account}"

  # SageMaker writes names in ARNs in lower case; ours are.
  _sagemaker_arn = "arn:${local._partition}:sagemaker:${local._account}"

  # <account>.dkr.ecr.<region>.amazonaws.com/<repository>@<digest>; AWS's own images lie in AWS's accounts.
  _image = regex(
    "^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.[a-z.]+/(?P<repository>[^:@]+)",
    var.job.image,
  )
  _repository_arn = "arn:${local._partition}:ecr:${local._image.region}:${local._image.account}:repository/${local._image.repository}"

  # The dataset as a whole, because an execution may choose one below it, and each channel that lies elsewhere.
  _input_prefixes = distinct(concat(
    ["${local._dataset_prefix}/"],
    [for c in values(var.job.channels) : c.prefix if !startswith(c.prefix, "${local._dataset_prefix}/")],
  ))

  _through_s3 = [{
    test     = "StringEquals"
    variable = "kms:ViaService"
    values   = ["s3.${local._region}.${local._dns_suffix}"]
  }]
}

# The role of the jobs.
locals {
  _job_statements = concat(
    [
      {
        sid     = "ReadInput"
        actions = ["s3:GetObject"]
        resources = concat(
          [for prefix in local._input_prefixes : "${var.buckets.data.arn}/${prefix}*"],
          ["${var.buckets.models.arn}/${local._code_prefix}/*"],
        )
      },
      {
        sid       = "ListData"
        actions   = ["s3:ListBucket"]
        resources = [var.buckets.data.arn]
        conditions = [{
          test     = "StringLike"
          variable = "s3:prefix"
          values   = [for prefix in local._input_prefixes : "${prefix}*"]
        }]
      },
      {
        sid       = "ListCode"
        actions   = ["s3:ListBucket"]
        resources = [var.buckets.models.arn]
        conditions = [{
          test     = "StringLike"
          variable = "s3:prefix"
          values = concat(
            ["${local._code_prefix}/*"],
            var.job.spot ? ["${local._checkpoint_prefix}/*"] : [],
          )
        }]
      },
      {
        sid       = "WriteArtifacts"
        actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
        resources = ["${var.buckets.models.arn}/${local._artifact_prefix}/*"]
      },
      {
        sid        = "DecryptData"
        actions    = ["kms:Decrypt"]
        resources  = [var.keys.data]
        conditions = local._through_s3
      },
      {
        # Decrypt for the code, and for the parts of a large artefact.
        sid        = "UseModelKey"
        actions    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
        resources  = [var.keys.model]
        conditions = local._through_s3
      },
      {
        sid       = "EncryptVolume"
        actions   = ["kms:CreateGrant"]
        resources = [var.keys.model]
        conditions = [{
          test     = "Bool"
          variable = "kms:GrantIsForAWSResource"
          values   = ["true"]
        }]
      },
      {
        sid       = "PullImage"
        actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        resources = [local._repository_arn]
      },
      {
        sid             = "LogInToRegistry"
        actions         = ["ecr:GetAuthorizationToken"]
        resources       = ["*"]
        wildcard_reason = "ecr:GetAuthorizationToken supports no resource; it opens nothing by itself"
      },
      {
        # One group for all jobs of the account, by SageMaker's choice, hence not made here.
        sid       = "WriteLogs"
        actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        resources = ["arn:${local._partition}:logs:${local._account}:log-group:/aws/sagemaker/TrainingJobs:*"]
      },
      {
        sid             = "PublishMetrics"
        actions         = ["cloudwatch:PutMetricData"]
        resources       = ["*"]
        wildcard_reason = "cloudwatch:PutMetricData supports no resource; the condition names SageMaker's namespaces"
        conditions = [{
          test     = "StringLike"
          variable = "cloudwatch:namespace"
          values   = ["/aws/sagemaker/*"]
        }]
      },
      {
        sid     = "JoinSubnets"
        actions = ["ec2:CreateNetworkInterface"]
        resources = concat(
          [for id in var.network.subnet_ids : "${local._ec2_arn}:subnet/${id}"],
          [for id in [var.network.security_group_id, aws_security_group.cluster.id] : "${local._ec2_arn}:security-group/${id}"],
          ["${local._ec2_arn}:network-interface/*"],
        )
        wildcard_reason = "The interface's id is unknown before it is made; subnets and security groups are named"
      },
      {
        sid = "ManageInterfaces"
        actions = [
          "ec2:CreateNetworkInterfacePermission",
          "ec2:DeleteNetworkInterface",
          "ec2:DeleteNetworkInterfacePermission",
        ]
        resources       = ["${local._ec2_arn}:network-interface/*"]
        wildcard_reason = "SageMaker makes the interfaces; their ids are unknown beforehand"
      },
      {
        sid = "LookAtNetwork"
        actions = [
          "ec2:DescribeDhcpOptions",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
        ]
        resources       = ["*"]
        wildcard_reason = "The Describe actions of EC2 support no resource"
      },
    ],
    !var.job.spot ? [] : [{
      sid       = "KeepCheckpoints"
      actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      resources = ["${var.buckets.models.arn}/${local._checkpoint_prefix}/*"]
    }],
  )
}

module "job_role" {
  source = "../role"

  boundary_arn = var.boundary_arn
  description  = "Execution role of the training jobs of ${var.workload}"
  name         = "${var.name}-training"
  statements   = local._job_statements
  trust        = { service = "sagemaker.amazonaws.com" }
}

# The role of the state machine.
locals {
  _machine_statements = [
    {
      sid = "RunJobs"
      actions = [
        "sagemaker:AddTags",
        "sagemaker:CreateTrainingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:ListTags",
        "sagemaker:StopTrainingJob",
      ]
      resources = ["${local._sagemaker_arn}:training-job/${var.name}-*"]
    },
    {
      sid       = "PassJobRole"
      actions   = ["iam:PassRole"]
      resources = [module.job_role.arn]
      conditions = [{
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["sagemaker.amazonaws.com"]
      }]
    },
    {
      # How Step Functions learns of the end of a job: a rule that it manages, one per account and region.
      sid       = "WaitForJobs"
      actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
      resources = ["arn:${local._partition}:events:${local._account}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"]
    },
    {
      # Never approved: that is for a person. IfExists, because a package without the setting waits as well.
      sid     = "RegisterModels"
      actions = ["sagemaker:CreateModelPackage"]
      resources = [
        "${local._sagemaker_arn}:model-package-group/${var.name}",
        "${local._sagemaker_arn}:model-package/${var.name}/*",
      ]
      conditions = [{
        test     = "StringEqualsIfExists"
        variable = "sagemaker:ModelApprovalStatus"
        values   = ["PendingManualApproval"]
      }]
    },
    {
      sid       = "Alert"
      actions   = ["sns:Publish"]
      resources = [var.alarms.topic_arn]
    },
    {
      sid       = "EncryptAlert"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.keys.messages]
      conditions = [{
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["sns.${local._region}.${local._dns_suffix}"]
      }]
    },
    {
      sid       = "EncryptState"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.keys.data]
      conditions = [{
        test     = "StringEquals"
        variable = "kms:EncryptionContext:aws:states:stateMachineArn"
        values   = [local._machine_arn]
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
        values   = ["arn:${local._partition}:logs:${local._account}:*"]
      }]
    },
    {
      sid = "DeliverLogs"
      actions = [
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
      ]
      resources       = ["*"]
      wildcard_reason = "CloudWatch Logs supports no resource for deliveries and resource policies"
    },
    {
      sid = "Trace"
      actions = [
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
      ]
      resources       = ["*"]
      wildcard_reason = "X-Ray supports no resource for these actions"
    },
  ]
}

module "machine_role" {
  source = "../role"

  boundary_arn = var.boundary_arn
  description  = "Role of the retraining state machine of ${var.workload}"
  name         = local._machine_name
  statements   = local._machine_statements

  trust = {
    service     = "states.amazonaws.com"
    source_arns = [local._machine_arn]
  }
}
