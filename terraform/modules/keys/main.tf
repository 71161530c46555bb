data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account = data.aws_caller_identity.current.account_id
  _region  = data.aws_region.current.id
  _autoscaling_role = join(":", [
    "arn", data.aws_partition.current.partition, "iam", "", local._account,
    "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
  ])

  _root = "arn:${data.aws_partition.current.partition}:iam::${local._account}:root"

  # What each key is for: the services through which principals of this account use it (kms:ViaService),
  # and the services that use it in their own name.
  _purposes = {
    data = {
      title    = "images, datasets, results, records, captured traffic, function settings"
      via      = ["dynamodb", "ec2", "lambda", "s3", "sagemaker", "states"]
      services = []
    }
    logs = {
      title    = "log groups"
      via      = ["logs"]
      services = []
    }
    messages = {
      title    = "topics and queues"
      via      = ["sns", "sqs"]
      services = ["budgets", "cloudwatch", "events", "s3", "sns"]
    }
    model = {
      title    = "model artefacts, training volumes, images of containers"
      via      = ["ecr", "s3", "sagemaker", "states"]
      services = []
    }
  }
}

resource "aws_kms_key" "this" {
  for_each = local._purposes

  description             = "${var.name} ${each.key}: ${each.value.title}"
  deletion_window_in_days = var.deletion_window_days
  enable_key_rotation     = true
  policy                  = jsonencode(local._policies[each.key])
}

resource "aws_kms_alias" "this" {
  for_each = local._purposes

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}
