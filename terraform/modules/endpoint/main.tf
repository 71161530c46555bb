data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # Provider 5 knows the region as name, provider 6 as region; id is right in both.
  _region    = data.aws_region.current.id
  _partition = data.aws_partition.current.partition
  _account   = "${local._region}:${data.aws_caller_identity.current.account_id}"
  _variant   = "primary"
  _log_group = "/aws/sagemaker/Endpoints/${var.name}" # the name is SageMaker's choice

  # SageMaker cannot change a model. Whatever makes a new one gives it a new name too, so that it can stand
  # beside the old one while the endpoint moves over.
  _model_facts = merge(
    {
      environment       = var.model.environment
      image             = var.model.image
      model_data_url    = var.model.model_data_url
      role              = module.role.name
      security_group_id = var.network.security_group_id
      subnet_ids        = sort(var.network.subnet_ids)
    },
    # A model that comes back while its earlier self still stands, as after a rollback, needs a name of its own.
    var.model.promoted == null ? {} : { promoted = var.model.promoted },
  )
  _model_suffix = join("-", [
    replace(var.model.version, "/[._]/", "-"),
    substr(sha256(jsonencode(local._model_facts)), 0, 8),
  ])
}

# Before the endpoint: SageMaker would make the group itself, without key and retention.
resource "aws_cloudwatch_log_group" "this" {
  name              = local._log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.keys.logs
}

resource "aws_sagemaker_model" "this" {
  name                     = "${var.name}-${local._model_suffix}"
  execution_role_arn       = module.role.arn
  enable_network_isolation = true

  primary_container {
    environment    = var.model.environment
    image          = var.model.image
    model_data_url = var.model.model_data_url
  }

  vpc_config {
    security_group_ids = [var.network.security_group_id]
    subnets            = var.network.subnet_ids
  }

  tags = merge(
    { ModelVersion = var.model.version },
    var.model.model_package_arn == null ? {} : { ModelPackage = var.model.model_package_arn },
  )

  depends_on = [aws_iam_role_policy.model]

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = length("${var.name}-${var.model.version}") + 9 <= 63
      error_message = "The model's name, ${var.name}-${var.model.version} and nine characters of a checksum, exceeds 63 characters (the limit of SageMaker): shorten model.version or the workload's name."
    }
  }
}

resource "aws_sagemaker_endpoint_configuration" "this" {
  # A running endpoint holds on to its configuration, so the next one needs a name of its own. The provider
  # appends 26 characters; SageMaker allows 63.
  name_prefix = "${trim(substr(var.name, 0, 36), "-")}-"
  kms_key_arn = var.keys.model

  production_variants {
    variant_name           = local._variant
    model_name             = aws_sagemaker_model.this.name
    instance_type          = var.instance_type
    initial_instance_count = local._start
    initial_variant_weight = 1

    # Requests take unequal times, and at random one instance queues while another idles.
    # https://aws.amazon.com/blogs/machine-learning/minimize-real-time-inference-latency-by-using-amazon-sagemaker-routing-strategies/
    routing_config {
      routing_strategy = var.routing_strategy
    }
  }

  data_capture_config {
    enable_capture              = true
    initial_sampling_percentage = var.capture.percentage
    destination_s3_uri          = "s3://${var.data_bucket.name}/${trim(var.capture.prefix, "/")}"
    kms_key_id                  = var.keys.data

    capture_options {
      capture_mode = "Input"
    }

    capture_options {
      capture_mode = "Output"
    }
  }

  lifecycle {
    create_before_destroy = true

    # The count is where a new fleet starts; afterwards the autoscaler owns it. A changed start alone must not
    # roll out a new fleet, while a configuration that is replaced for another reason takes the new start:
    # Terraform ignores changes on updates only.
    ignore_changes = [production_variants[0].initial_instance_count]
  }
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this.name

  deployment_config {
    auto_rollback_configuration {
      # By reference: an alarm that does not exist watches nothing. Never none: the provider takes an endpoint down, and
      # makes it anew, when this block comes or goes.
      dynamic "alarms" {
        for_each = var.watched ? [
          aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.latency,
        ] : [aws_cloudwatch_metric_alarm.capacity]

        content {
          alarm_name = alarms.value.alarm_name
        }
      }
    }

    blue_green_update_policy {
      maximum_execution_timeout_in_seconds = local._rollout_timeout_s
      termination_wait_in_seconds          = var.rollout.termination_wait_s

      traffic_routing_configuration {
        type                     = local._rollout_type
        wait_interval_in_seconds = var.watched ? var.rollout.bake_s : 0

        dynamic "canary_size" {
          for_each = local._rollout_type == "CANARY" ? [var.rollout.step_percent] : []

          content {
            type  = "CAPACITY_PERCENT"
            value = canary_size.value
          }
        }

        dynamic "linear_step_size" {
          for_each = local._rollout_type == "LINEAR" ? [var.rollout.step_percent] : []

          content {
            type  = "CAPACITY_PERCENT"
            value = linear_step_size.value
          }
        }
      }
    }
  }

  depends_on = [aws_cloudwatch_log_group.this]

  lifecycle {
    # The provider takes an update that SageMaker rolled back for a success. Ended here, Terraform keeps the old
    # configuration, model and permissions, on which the old fleet goes on serving, and scaling.
    postcondition {
      condition     = self.endpoint_config_name == aws_sagemaker_endpoint_configuration.this.name
      error_message = "SageMaker rolled the update of ${var.name} back: ${self.endpoint_config_name} serves, as before. Its alarms and log group say why; `make rollback` returns to the last good model."
    }

    precondition {
      condition     = local._rollout_timeout_s <= 28800
      error_message = "The rollout takes ${local._rollout_steps} steps of ${var.rollout.bake_s} s, longer than the 8 hours that SageMaker allows: shorten rollout.bake_s or raise rollout.step_percent."
    }

    precondition {
      condition     = var.rollout.type == "ALL_AT_ONCE" || local._start >= 2
      error_message = "rollout.type ${var.rollout.type} needs at least two instances (scaling.min or scaling.initial): a step may hold half a fleet at most. Raise scaling.min, or use ALL_AT_ONCE outside production."
    }
  }
}
