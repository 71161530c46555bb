# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
locals {
  _alarms = {
    reads-throttled  = { metric = "ReadThrottleEvents", dimensions = {}, says = "Reads of the table are throttled: spread them, or look for a key that everything asks for." }
    system-errors    = { metric = "SystemErrors", dimensions = { Operation = "PutItem" }, says = "DynamoDB fails to write: writers try again, and tell what they gave up." }
    writes-throttled = { metric = "WriteThrottleEvents", dimensions = {}, says = "Writes to the table are throttled: more arrives for one key than DynamoDB takes." }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local._alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = "AWS/DynamoDB"
  metric_name         = each.value.metric
  dimensions          = merge({ TableName = aws_dynamodb_table.this.name }, each.value.dimensions)
  statistic           = "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.alarms.count
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # DynamoDB reports nothing where nothing happened
  alarm_actions       = [var.alarms.topic_arn]
  ok_actions          = [var.alarms.topic_arn]
}
