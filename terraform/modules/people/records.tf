locals {
  # Only where there are tables: a statement without resources is none.
  _record_statements = [for statement in [
    {
      sid        = "ReadRecords"
      actions    = ["dynamodb:GetItem", "dynamodb:Query"]
      resources  = var.table_arns
      conditions = []
    },
    {
      # DynamoDB opens a table in the name of whoever reads it.
      # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
      sid       = "DecryptRecords"
      actions   = ["kms:Decrypt"]
      resources = [var.key_arns.data]
      conditions = [{
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["dynamodb.${local._via}"]
      }]
    },
  ] : statement if length(var.table_arns) > 0]
}
