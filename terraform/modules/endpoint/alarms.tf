# The first two also decide a rollout, so they stand before the endpoint does: their dimensions are names.
# A deployment that starts while one of them is in alarm is rolled back at once.

locals {
  _dimensions = { EndpointName = var.name, VariantName = local._variant }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.name}-5xx"
  alarm_description   = "Endpoint ${var.name} answered with 5XX: see its log group ${local._log_group}."
  namespace           = "AWS/SageMaker"
  metric_name         = "Invocation5XXErrors"
  dimensions          = local._dimensions
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.alarms.error_count
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarms.topic_arn]
  ok_actions          = [var.alarms.topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "${var.name}-latency-p99"
  alarm_description   = "The model behind endpoint ${var.name} takes longer than ${var.alarms.latency_p99_ms} ms for one call in a hundred."
  namespace           = "AWS/SageMaker"
  metric_name         = "ModelLatency"
  dimensions          = local._dimensions
  extended_statistic  = "p99"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2 # one slow minute of a quiet endpoint is a single slow call
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarms.latency_p99_ms * 1000 # CloudWatch has microseconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarms.topic_arn]
  ok_actions          = [var.alarms.topic_arn]
}

# Target tracking keeps the load per instance at its target. A quarter of an hour above it means that the fleet
# cannot follow: it is at its maximum, there are no instances to be had, or the autoscaler is broken.
resource "aws_cloudwatch_metric_alarm" "capacity" {
  alarm_name          = "${var.name}-capacity"
  alarm_description   = "Endpoint ${var.name} has more load per instance than it is scaled for, and does not grow: raise scaling.max (${var.scaling.max}), or see the scaling activities."
  namespace           = "AWS/SageMaker"
  metric_name         = "InvocationsPerInstance"
  dimensions          = local._dimensions
  statistic           = "Sum" # per minute, as the autoscaler reads it
  period              = 60
  evaluation_periods  = 15
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.scaling.invocations_per_instance
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarms.topic_arn]
  ok_actions          = [var.alarms.topic_arn]
}
