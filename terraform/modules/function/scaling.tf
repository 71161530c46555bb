# Provisioned concurrency sits on the alias, so that it follows each new version. Its count has one owner:
# Terraform where min equals max, else the autoscaler, whose changes Terraform must not undo. Terraform takes no
# condition in ignore_changes, hence the two resources. They are one and the same thing in Lambda, so one must be gone
# before the other comes: that is what the depends_on is for.

locals {
  _provisioned = var.concurrency.provisioned
  _autoscaled  = try(local._provisioned.min < local._provisioned.max, false)
  _fixed       = local._provisioned != null && !local._autoscaled
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

resource "aws_appautoscaling_target" "this" {
  count = local._autoscaled ? 1 : 0

  service_namespace  = "lambda"
  resource_id        = "function:${aws_lambda_function.this.function_name}:${aws_lambda_alias.live.name}"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  min_capacity       = local._provisioned.min
  max_capacity       = local._provisioned.max

  # Registered first, the autoscaler would provision by itself and Terraform would find the place taken.
  depends_on = [aws_lambda_provisioned_concurrency_config.autoscaled]
}

resource "aws_appautoscaling_policy" "utilisation" {
  count = local._autoscaled ? 1 : 0

  name               = "${var.name}-utilisation"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = local._provisioned.target_utilisation

    predefined_metric_specification {
      predefined_metric_type = "LambdaProvisionedConcurrencyUtilization"
    }
  }
}
