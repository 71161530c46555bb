# A schedule changes the limits of the target behind Terraform's back, and a plan would set them back at noon.
# Where there are schedules they own the limits; Terraform takes no condition in ignore_changes, hence two targets.
# Both have the same id, so one must be gone before the other comes: that is what the depends_on is for. SageMaker's
# autoscaler drops the policy of a target that goes, so the policy goes with it, under its key.
#
# SageMaker refuses an update that changes the instance type of a registered variant
# (https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html). So what hangs on the variant goes
# before such an update and comes back after it.

locals {
  _scheduled    = length(var.scaling.schedules) > 0
  _limits_owner = local._scheduled ? "schedules" : "terraform"
  _target       = one(concat(aws_appautoscaling_target.fixed, aws_appautoscaling_target.scheduled))
}

resource "aws_appautoscaling_target" "fixed" {
  count = local._scheduled ? 0 : 1

  service_namespace  = "sagemaker"
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${local._variant}"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  min_capacity       = var.scaling.min
  max_capacity       = var.scaling.max

  lifecycle {
    replace_triggered_by = [aws_sagemaker_endpoint_configuration.this.production_variants[0].instance_type]
  }
}

resource "aws_appautoscaling_target" "scheduled" {
  count = local._scheduled ? 1 : 0

  service_namespace  = "sagemaker"
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${local._variant}"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  min_capacity       = var.scaling.min
  max_capacity       = var.scaling.max

  depends_on = [aws_appautoscaling_target.fixed]

  lifecycle {
    ignore_changes       = [max_capacity, min_capacity]
    replace_triggered_by = [aws_sagemaker_endpoint_configuration.this.production_variants[0].instance_type]
  }
}

resource "aws_appautoscaling_policy" "invocations" {
  for_each = toset([local._limits_owner])

  name               = "${var.name}-invocations"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = local._target.service_namespace
  resource_id        = local._target.resource_id
  scalable_dimension = local._target.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.invocations_per_instance
    scale_in_cooldown  = var.scaling.scale_in_cooldown_s
    scale_out_cooldown = var.scaling.scale_out_cooldown_s

    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantInvocationsPerInstance"
    }
  }

  lifecycle {
    replace_triggered_by = [aws_sagemaker_endpoint_configuration.this.production_variants[0].instance_type]
  }
}

# Calls a minute tell of a change after three minutes; requests inside an instance, waiting ones too, after half a
# minute. The larger of the two wishes wins, and both must agree before the fleet shrinks.
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-code-define.html
# https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
resource "aws_appautoscaling_policy" "concurrency" {
  for_each = toset(var.scaling.concurrent_requests_per_model == null ? [] : [local._limits_owner])

  name               = "${var.name}-concurrency"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = local._target.service_namespace
  resource_id        = local._target.resource_id
  scalable_dimension = local._target.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.concurrent_requests_per_model
    scale_in_cooldown  = var.scaling.scale_in_cooldown_s
    scale_out_cooldown = var.scaling.scale_out_cooldown_s

    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    }
  }

  lifecycle {
    replace_triggered_by = [aws_sagemaker_endpoint_configuration.this.production_variants[0].instance_type]
  }
}

resource "aws_appautoscaling_scheduled_action" "this" {
  for_each = var.scaling.schedules

  name               = "${var.name}-${each.key}"
  service_namespace  = local._target.service_namespace
  resource_id        = local._target.resource_id
  scalable_dimension = local._target.scalable_dimension
  schedule           = each.value.schedule
  timezone           = each.value.timezone

  scalable_target_action {
    min_capacity = each.value.min
    max_capacity = each.value.max
  }

  lifecycle {
    replace_triggered_by = [aws_sagemaker_endpoint_configuration.this.production_variants[0].instance_type]
  }
}
