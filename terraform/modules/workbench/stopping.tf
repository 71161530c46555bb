# Everything that switches the workbench off acts from outside: an instance that hangs is switched off as well, and none
# needs a right to do so.

locals {
  _off = "The workbench ${local._name} is switched off"

  # Metrics of EC2 come every five minutes.
  _idle_period_s = 300
}

resource "aws_autoscaling_policy" "off" {
  name                   = "off"
  autoscaling_group_name = aws_autoscaling_group.this.name
  adjustment_type        = "ExactCapacity"
  policy_type            = "SimpleScaling"
  scaling_adjustment     = 0
  cooldown               = 0
}

resource "aws_cloudwatch_metric_alarm" "done" {
  alarm_name          = "${local._name}-done"
  alarm_description   = "${local._off}: its job has ended, the log group ${local._log_group} says how."
  namespace           = local._namespace
  metric_name         = "Done"
  dimensions          = { Workbench = local._name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_autoscaling_policy.off.arn, var.alarms.topic_arn]
}

# Idle is what neither says that it works nor is seen to. Its own word counts because a training on many cores, or on a
# GPU, may keep few of them busy; what EC2 sees counts because whoever looks around by hand says nothing.
resource "aws_cloudwatch_metric_alarm" "idle" {
  alarm_name          = "${local._name}-idle"
  alarm_description   = "${local._off}: nothing has run on it for ${var.limits.idle_minutes} minutes."
  evaluation_periods  = ceil(var.limits.idle_minutes * 60 / local._idle_period_s)
  comparison_operator = "LessThanThreshold"
  threshold           = var.limits.idle_cpu_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_autoscaling_policy.off.arn, var.alarms.topic_arn]

  metric_query {
    id          = "busy"
    expression  = "IF(FILL(working, 0) >= 1, 100, cpu)"
    label       = "Processor time in percent, 100 where a job runs"
    return_data = true
  }

  metric_query {
    id = "cpu"

    metric {
      namespace   = "AWS/EC2"
      metric_name = "CPUUtilization"
      dimensions  = { AutoScalingGroupName = local._name }
      period      = local._idle_period_s
      stat        = "Maximum"
    }
  }

  metric_query {
    id = "working"

    metric {
      namespace   = local._namespace
      metric_name = "Working"
      dimensions  = { Workbench = local._name }
      period      = local._idle_period_s
      stat        = "Maximum"
    }
  }
}

# An alarm looks back seven days at most, in periods of an hour. Maximum, so that an interruption for minutes does not
# begin the count anew: it ends within the last of these hours.
resource "aws_cloudwatch_metric_alarm" "deadline" {
  alarm_name          = "${local._name}-deadline"
  alarm_description   = "${local._off}: it ran for ${var.limits.deadline_hours} hours, whatever it was doing."
  namespace           = "AWS/AutoScaling"
  metric_name         = "GroupInServiceInstances"
  dimensions          = { AutoScalingGroupName = aws_autoscaling_group.this.name }
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = var.limits.deadline_hours
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_autoscaling_policy.off.arn, var.alarms.topic_arn]
}
