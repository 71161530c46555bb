resource "aws_dynamodb_table" "this" {
  name         = var.name
  billing_mode = "PAY_PER_REQUEST" # nothing to guess, nothing to pay while nobody writes
  hash_key     = var.partition_key
  range_key    = var.sort_key

  deletion_protection_enabled = var.deletion_protected

  # Keys only: what else an item holds is its writer's business.
  dynamic "attribute" {
    for_each = compact([var.partition_key, var.sort_key])

    content {
      name = attribute.value
      type = "S"
    }
  }

  # A key of our own: AWS's would let in whoever DynamoDB lets in, and could not be withdrawn.
  server_side_encryption {
    enabled     = true
    kms_key_arn = var.key_arn
  }

  # Any second of the last 35 days, the most that DynamoDB keeps.
  point_in_time_recovery {
    enabled = true
  }
}
