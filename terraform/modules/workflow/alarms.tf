locals {
  _alarms = {
    aborted   = { metric = "ExecutionsAborted", count = 1, says = "An execution was stopped by hand: its manifest is missing." }
    failed    = { metric = "ExecutionsFailed", count = var.alarms.failed_count, says = "A run failed as a whole; the failures topic says why." }
    throttled = { metric = "ExecutionThrottled", count = var.alarms.throttled_count, says = "State transitions are throttled: start fewer executions at once, or have the account's limit raised." }
    timed-out = { metric = "ExecutionsTimedOut", count = 1, says = "An execution ran into the definition's TimeoutSeconds." }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local._alarms

  alarm_name          = "${local._name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = "AWS/States"
  metric_name         = each.value.metric
  dimensions          = { StateMachineArn = aws_sfn_state_machine.this.arn }
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.count
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # no execution, no data
  alarm_actions       = [var.alarms.topic_arn]
  ok_actions          = [var.alarms.topic_arn]
}
