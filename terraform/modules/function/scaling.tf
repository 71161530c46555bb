# Provisioned concurrency sits on the alias, so that it follows each new version. Its count has one owner:
# Terraform where min equals max, else the autoscaler, whose changes Terraform must not undo. Terraform takes no
# condition in ignore_changes, hence the two resources. They are one and the same thing in Lambda, so one must be gone
# before the other comes: that is what the depends_on is for.
#
# The limits have one owner too: the schedules where there are any, which change them behind Terraform's back, else
# Terraform. The autoscaler drops the policy of a target that goes, so the policy goes with it, under its key.

locals {
  _provisioned  = var.concurrency.provisioned
  _schedules    = try(local._provisioned.schedules, {})
  _scheduled    = length(local._schedules) > 0
  _autoscaled   = local._scheduled || try(local._provisioned.min < local._provisioned.max, false)
  _fixed        = local._provisioned != null && !local._autoscaled
  _limits_owner = local._scheduled ? "schedules" : "terraform"
  _target       = one(concat(aws_appautoscaling_target.fixed, aws_appautoscaling_target.scheduled))
}

resource "aws_lambda_provisioned_concurrency_config" "fixed" {
  count = local._fixed ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = local._provisioned.min
}

resource "aws_lambda_provisioned_concurrency_config" "autoscaled" {
  count = local._autoscaled ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = local._provisioned.min

  depends_on = [aws_lambda_provisioned_concurrency_config.fixed]

  lifecycle {
    ignore_changes = [provisioned_concurrent_executions]
  }
}

resource "aws_appautoscaling_target" "fixed" {
  count = local._autoscaled && !local._scheduled ? 1 : 0

  service_namespace  = "lambda"
  resource_id        = "function:${aws_lambda_function.this.function_name}:${aws_lambda_alias.live.name}"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  min_capacity       = local._provisioned.min
  max_capacity       = local._provisioned.max

  # Registered first, the autoscaler would provision by itself and Terraform would find the place taken.
  depends_on = [aws_lambda_provisioned_concurrency_config.autoscaled]
}

resource "aws_appautoscaling_target" "scheduled" {
  count = local._scheduled ? 1 : 0

  service_namespace  = "lambda"
  resource_id        = "function:${aws_lambda_function.this.function_name}:${aws_lambda_alias.live.name}"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  min_capacity       = local._provisioned.min
  max_capacity       = local._provisioned.max

  depends_on = [
    aws_appautoscaling_target.fixed,
    aws_lambda_provisioned_concurrency_config.autoscaled,
  ]

  lifecycle {
    ignore_changes = [max_capacity, min_capacity]
  }
}

# Cooldowns are left to Application Auto Scaling, which takes none for Lambda: no instance has to start.
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html
resource "aws_appautoscaling_policy" "utilisation" {
  for_each = toset(local._autoscaled ? [local._limits_owner] : [])

  name               = "${var.name}-utilisation"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = local._target.service_namespace
  resource_id        = local._target.resource_id
  scalable_dimension = local._target.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = local._provisioned.target_utilisation

    predefined_metric_specification {
      predefined_metric_type = "LambdaProvisionedConcurrencyUtilization"
    }
  }
}

resource "aws_appautoscaling_scheduled_action" "this" {
  for_each = local._schedules

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
}
