locals {
  # Metric of the state machine -> what to say about it.
  _machine_alarms = {
    ExecutionsAborted  = "was stopped by someone"
    ExecutionsFailed   = "failed: the alert topic has the reason"
    ExecutionsTimedOut = "ran out of time: see the training job's log and job.max_runtime_s"
  }
}

resource "aws_cloudwatch_metric_alarm" "machine" {
  for_each = local._machine_alarms

  alarm_name          = "${local._machine_name}-${lower(trimprefix(each.key, "Executions"))}"
  alarm_description   = "A retraining of ${var.workload} ${each.value}."
  namespace           = "AWS/States"
  metric_name         = each.key
  dimensions          = { StateMachineArn = local._machine_arn }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarms.topic_arn]
  ok_actions          = [var.alarms.topic_arn]
}
