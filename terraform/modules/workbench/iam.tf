locals {
  # <account>.dkr.ecr.<region>.amazonaws.com/<repository>@<digest>
  _image = regex(
    "^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.[a-z.]+/(?P<repository>[^:@]+)",
    var.image,
  )
  _repository_arn = "arn:${local._partition}:ecr:${local._image.region}:${local._image.account}:repository/${local._image.repository}"

  _code_prefix       = "${var.workload}/code"
  _artifact_prefix   = "${var.workload}/artifacts"
  _checkpoint_prefix = "${var.workload}/checkpoints"

  _through_s3 = [{
    test     = "StringEquals"
    variable = "kms:ViaService"
    values   = ["s3.${local._region}.${local._dns_suffix}"]
  }]

  # What the execution role of a training job may do with data, code and artefacts, and what the agent of Systems
  # Manager needs for sessions: no document, no parameter, no command.
  # https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
  _statements = [
    {
      sid     = "ReadInput"
      actions = ["s3:GetObject"]
      resources = concat(
        [for prefix in var.input_prefixes : "${var.buckets.data.arn}/${prefix}*"],
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
        values   = [for prefix in var.input_prefixes : "${prefix}*"]
      }]
    },
    {
      # The artefacts too: whether the job has ended already is seen by what it left.
      sid       = "ListModels"
      actions   = ["s3:ListBucket"]
      resources = [var.buckets.models.arn]
      conditions = [{
        test     = "StringLike"
        variable = "s3:prefix"
        values   = [for prefix in [local._artifact_prefix, local._checkpoint_prefix, local._code_prefix] : "${prefix}/*"]
      }]
    },
    {
      sid       = "WriteArtifacts"
      actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      resources = ["${var.buckets.models.arn}/${local._artifact_prefix}/*"]
    },
    {
      sid       = "KeepCheckpoints"
      actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      resources = ["${var.buckets.models.arn}/${local._checkpoint_prefix}/*"]
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
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources  = [var.keys.model]
      conditions = local._through_s3
    },
    {
      sid       = "PullImage"
      actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [local._repository_arn]
    },
    {
      sid             = "LogInToRegistry"
      actions         = ["ecr:GetAuthorizationToken"]
      resources       = ["*"]
      wildcard_reason = "ecr:GetAuthorizationToken supports no resource; it opens nothing by itself"
    },
    {
      sid       = "WriteLogs"
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["arn:${local._partition}:logs:${local._account}:log-group:${local._log_group}:*"]
    },
    {
      sid             = "ReportWork"
      actions         = ["cloudwatch:PutMetricData"]
      resources       = ["*"]
      wildcard_reason = "cloudwatch:PutMetricData supports no resource; the condition names the workbenches' namespace"
      conditions = [{
        test     = "StringEquals"
        variable = "cloudwatch:namespace"
        values   = [local._namespace]
      }]
    },
    {
      sid       = "ReportInstance"
      actions   = ["ssm:UpdateInstanceInformation"]
      resources = ["arn:${local._partition}:ec2:${local._account}:instance/*"]
      conditions = [{
        test     = "StringEquals"
        variable = "ssm:resourceTag/Name"
        values   = [local._name]
      }]
      wildcard_reason = "The instance's id is unknown beforehand; the condition names the workbench"
    },
    {
      sid = "TakeSessions"
      actions = [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ]
      resources       = ["*"]
      wildcard_reason = "The channels support no resource"
    },
  ]
}

module "role" {
  source = "../role"

  boundary_arn = var.boundary_arn
  description  = "Instance role of the workbench of ${var.workload}"
  name         = local._name
  statements   = local._statements

  trust = {
    service        = "ec2.amazonaws.com"
    source_account = false
  }
}
