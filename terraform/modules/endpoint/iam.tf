locals {
  # <account>.dkr.ecr.<region>.amazonaws.com/<repository>@<digest>; AWS's own images lie in AWS's accounts.
  _image = regex(
    "^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.[a-z.]+/(?P<repository>[^:@]+)",
    var.model.image,
  )
  _repository_arn = "arn:${local._partition}:ecr:${local._image.region}:${local._image.account}:repository/${local._image.repository}"

  _artifact_key = trimprefix(var.model.model_data_url, "s3://${var.models_bucket.name}/")
  _s3_service   = "s3.${local._region}.${data.aws_partition.current.dns_suffix}"

  _ec2_arn = "arn:${local._partition}:ec2:${local._account}"

  # What one model needs, apart: while a rollout is under way, and after one that was rolled back, two models serve or
  # may have to.
  _of_model = ["FindArtifact", "PullImage", "ReadArtifact"]

  _statements = [
    {
      sid       = "ReadArtifact"
      actions   = ["s3:GetObject"]
      resources = ["${var.models_bucket.arn}/${local._artifact_key}"]
    },
    {
      sid       = "FindArtifact"
      actions   = ["s3:ListBucket"]
      resources = [var.models_bucket.arn]
      conditions = [{
        test     = "StringLike"
        variable = "s3:prefix"
        values   = ["${local._artifact_key}*"]
      }]
    },
    {
      sid       = "DecryptArtifact"
      actions   = ["kms:Decrypt"]
      resources = [var.keys.model]
      conditions = [{
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [local._s3_service]
      }]
    },
    {
      sid       = "WriteCapture"
      actions   = ["s3:PutObject"]
      resources = ["${var.data_bucket.arn}/${trim(var.capture.prefix, "/")}/*"]
    },
    {
      sid       = "EncryptCapture"
      actions   = ["kms:GenerateDataKey"]
      resources = [var.keys.data]
      conditions = [{
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [local._s3_service]
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
      # No CreateLogGroup: the group exists, with its key and retention.
      sid       = "WriteLogs"
      actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      resources = ["arn:${local._partition}:logs:${local._account}:log-group:${local._log_group}:*"]
    },
    {
      sid             = "PublishMetrics"
      actions         = ["cloudwatch:PutMetricData"]
      resources       = ["*"]
      wildcard_reason = "cloudwatch:PutMetricData supports no resource; the condition names SageMaker's namespaces"
      conditions = [{
        test     = "StringLike"
        variable = "cloudwatch:namespace"
        values   = ["/aws/sagemaker/*", "AWS/SageMaker"]
      }]
    },
    {
      sid       = "WatchRollout"
      actions   = ["cloudwatch:DescribeAlarms"]
      resources = [for suffix in ["5xx", "latency-p99"] : "arn:${local._partition}:cloudwatch:${local._account}:alarm:${var.name}-${suffix}"]
    },
    {
      sid     = "JoinSubnets"
      actions = ["ec2:CreateNetworkInterface"]
      resources = concat(
        [for id in var.network.subnet_ids : "${local._ec2_arn}:subnet/${id}"],
        ["${local._ec2_arn}:security-group/${var.network.security_group_id}", "${local._ec2_arn}:network-interface/*"],
      )
      wildcard_reason = "The interface's id is unknown before it is made; subnets and security group are named"
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
  ]
}

module "role" {
  source = "../role"

  boundary_arn = var.boundary_arn
  description  = "Execution role of endpoint ${var.name}"
  name         = "${var.name}-endpoint"
  statements   = [for s in local._statements : s if !contains(local._of_model, s.sid)]
  trust        = { service = "sagemaker.amazonaws.com" }
}

resource "aws_iam_role_policy" "model" {
  name = "model-${local._model_suffix}"
  role = module.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for s in local._statements : merge(
        { Sid = s.sid, Effect = "Allow", Action = s.actions, Resource = s.resources },
        !can(s.conditions) ? {} : {
          Condition = { for c in s.conditions : c.test => { (c.variable) = c.values } }
        },
      ) if contains(local._of_model, s.sid)
    ]
  })

  lifecycle {
    create_before_destroy = true
  }
}
