# Failed images, images that low confidence left to a person, and failed runs. Subscribers choose by the message
# attributes "workload" and "status" (failed, for_review, run_failed).
resource "aws_sns_topic" "failures" {
  name              = "${local._name}-failures"
  kms_master_key_id = var.keys.messages
}

resource "aws_sns_topic_policy" "failures" {
  arn = aws_sns_topic.failures.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyThisWorkflowPublishes"
        Effect    = "Allow"
        Principal = { AWS = module.role.arn }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.failures.arn
      },
      {
        Sid       = "RefusePlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.failures.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
