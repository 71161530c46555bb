# Prefixes of a workload in the two buckets; docs/workflow.md says who writes where.

locals {
  _data_objects   = { for workload in keys(var.workloads) : workload => "${var.bucket_arns.data}/${workload}" }
  _models_objects = { for workload in keys(var.workloads) : workload => "${var.bucket_arns.models}/${workload}" }

  _operator_statements = [
    {
      # An upload is taken up again where it broke off: it reads and renews the list of what is there.
      sid       = "KeepDatasets"
      actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      resources = [for prefix in values(local._data_objects) : "${prefix}/dataset/*"]
    },
    {
      sid     = "UploadCodeAndImages"
      actions = ["s3:AbortMultipartUpload", "s3:PutObject"]
      resources = concat(
        [for prefix in values(local._models_objects) : "${prefix}/code/*"],
        [for prefix in values(local._data_objects) : "${prefix}/incoming/*"],
      )
    },
    {
      sid     = "ReadResultsAndModels"
      actions = ["s3:GetObject"]
      resources = concat(
        [for prefix in values(local._models_objects) : "${prefix}/artifacts/*"],
        [for prefix in values(local._data_objects) : "${prefix}/results/*"],
      )
    },
    {
      sid       = "ListData"
      actions   = ["s3:ListBucket"]
      resources = [var.bucket_arns.data]
      conditions = [{
        test     = "StringLike"
        variable = "s3:prefix"
        values = flatten([
          for workload in keys(var.workloads) : [for part in ["dataset", "incoming", "results"] : "${workload}/${part}/*"]
        ])
      }]
    },
    {
      sid       = "UseKeysThroughS3"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.key_arns.data, var.key_arns.model]
      conditions = [{
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${local._via}"]
      }]
    },
    {
      sid       = "RunStateMachines"
      actions   = ["states:ListExecutions", "states:StartExecution"]
      resources = [for machine in local._machines : "${local._arn.states}:stateMachine:${machine}"]
    },
    {
      sid       = "FollowExecutions"
      actions   = ["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"]
      resources = [for machine in local._machines : "${local._arn.states}:execution:${machine}:*"]
    },
    {
      # An execution's input, output and history are encrypted, and whoever asks for them needs the key.
      # https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
      sid       = "DecryptExecutions"
      actions   = ["kms:Decrypt"]
      resources = [var.key_arns.data]
      conditions = [{
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["states.${local._via}"]
      }]
    },
    {
      # One group for all jobs of the account, by SageMaker's choice: the streams tell whose they are.
      sid       = "FindJobLogs"
      actions   = ["logs:DescribeLogStreams"]
      resources = ["${local._arn.logs}:log-group:/aws/sagemaker/TrainingJobs:*"]
    },
    {
      sid       = "ReadJobLogs"
      actions   = ["logs:GetLogEvents"]
      resources = ["${local._arn.logs}:log-group:/aws/sagemaker/TrainingJobs:log-stream:${var.name}-*"]
    },
    {
      sid     = "ReadWorkloadLogs"
      actions = ["logs:FilterLogEvents"]
      resources = [
        for group in ["lambda", "sagemaker/Endpoints", "vendedlogs/states"] :
        "${local._arn.logs}:log-group:/aws/${group}/${var.name}-*:*"
      ]
    },
    {
      sid       = "TryEndpoints"
      actions   = ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"]
      resources = ["${local._arn.sagemaker}:endpoint/${var.name}-*"]
    },
    # Absence alone would do today. Written out, no policy that is added one day makes an operator an approver.
    {
      sid       = "NeverApprove"
      effect    = "Deny"
      actions   = ["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"]
      resources = ["*"]
    },
  ]
}
