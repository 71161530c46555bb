data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # Provider 5 knows the region as name, provider 6 as region; id is right in both.
  _region     = data.aws_region.current.id
  _partition  = data.aws_partition.current.partition
  _account    = "${local._region}:${data.aws_caller_identity.current.account_id}"
  _dns_suffix = data.aws_partition.current.dns_suffix

  _name      = "${var.name}-workbench"
  _log_group = "/slipway/workbench/${local._name}"
  _namespace = "Slipway/Workbench" # of the figures that the instance reports

  # Where the job lies that the next instance runs: below the code, where operators may write and the instance reads.
  _job_prefix = "${var.workload}/code/workbench"

  _settings = {
    AWS_DEFAULT_REGION  = local._region
    WORKBENCH_JOB       = "s3://${var.buckets.models.name}/${local._job_prefix}"
    WORKBENCH_LOG_GROUP = local._log_group
    WORKBENCH_NAME      = local._name
  }

  # The script stands alone, so that it can be checked and run as it is; what differs goes before it.
  _user_data = join("\n", concat(
    ["#!/bin/bash"],
    [for name, value in local._settings : "export ${name}='${value}'"],
    [file("${path.module}/boot.sh")],
  ))
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local._log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.keys.logs
}

resource "aws_iam_instance_profile" "this" {
  name = module.role.name
  role = module.role.name
}

resource "aws_launch_template" "this" {
  name        = local._name
  description = "Trains ${var.workload} on an instance of EC2, as a training job would"

  image_id      = var.ami.id == null ? "resolve:ssm:${var.ami.parameter}" : var.ami.id
  instance_type = var.instance.type
  user_data     = base64encode(local._user_data)

  update_default_version               = true
  instance_initiated_shutdown_behavior = "terminate"

  iam_instance_profile {
    arn = "arn:${local._partition}:iam::${data.aws_caller_identity.current.account_id}:instance-profile/${aws_iam_instance_profile.this.name}"
  }

  block_device_mappings {
    device_name = var.ami.root_device

    ebs {
      delete_on_termination = true
      encrypted             = true
      kms_key_id            = var.keys.data
      volume_size           = var.instance.volume_gb
      volume_type           = "gp3"
    }
  }

  # A hop further would be a container: what trains there is to have no credentials.
  metadata_options {
    http_endpoint               = "enabled"
    http_put_response_hop_limit = 1
    http_tokens                 = "required"
    instance_metadata_tags      = "disabled"
  }

  network_interfaces {
    associate_public_ip_address = false
    delete_on_termination       = true
    device_index                = 0
    security_groups             = [var.network.security_group_id]
  }

  # A persistent request would come back by itself after its end; a group replaces what was interrupted anyway.
  dynamic "instance_market_options" {
    for_each = var.instance.spot ? ["spot"] : []

    content {
      market_type = "spot"

      spot_options {
        instance_interruption_behavior = "terminate"
        spot_instance_type             = "one-time"
      }
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "network-interface", "volume"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(aws_cloudwatch_log_group.this.tags_all, { Name = local._name, Workload = var.workload })
    }
  }

  tags = { Name = local._name }
}

# None or one. A group, not a plain instance: it starts another one where spot capacity was taken away, alarms can
# switch it off from outside, and whoever switches it on needs no right to start instances of any kind.
resource "aws_autoscaling_group" "this" {
  name                      = local._name
  desired_capacity          = 0
  min_size                  = 0
  max_size                  = 1
  vpc_zone_identifier       = var.network.subnet_ids
  enabled_metrics           = ["GroupInServiceInstances"]
  health_check_type         = "EC2"
  wait_for_capacity_timeout = "0"

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  tag {
    key                 = "Name"
    propagate_at_launch = true
    value               = local._name
  }

  lifecycle {
    # People and alarms switch it on and off.
    ignore_changes = [desired_capacity]
  }
}
