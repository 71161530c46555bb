"""What services do for a caller with the key of what is touched: the permissions that the caller needs for it."""

from __future__ import annotations

_OF_ITEMS = (
    *("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"),
    "ExportTableToPointInTime",
)
_OF_TABLES = (
    *("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
    *("kms:ReEncryptFrom", "kms:ReEncryptTo"),
)

SERVICE_KEYS = {
    **{("dynamodb", operation): ("kms:Decrypt",) for operation in _OF_ITEMS},
    ("dynamodb", "CreateTable"): _OF_TABLES,
    ("s3", "CompleteMultipartUpload"): ("kms:Decrypt",),
    ("s3", "CopyObject"): ("kms:GenerateDataKey",),
    ("s3", "CreateMultipartUpload"): ("kms:GenerateDataKey", "kms:Decrypt"),
    ("s3", "GetObject"): ("kms:Decrypt",),
    ("s3", "HeadObject"): ("kms:Decrypt",),
    ("s3", "PutObject"): ("kms:GenerateDataKey",),
    ("s3", "SelectObjectContent"): ("kms:Decrypt",),
    ("s3", "UploadPart"): ("kms:GenerateDataKey", "kms:Decrypt"),
    ("sns", "Publish"): ("kms:GenerateDataKey", "kms:Decrypt"),
    ("sns", "PublishBatch"): ("kms:GenerateDataKey", "kms:Decrypt"),
    ("sqs", "ReceiveMessage"): ("kms:Decrypt",),
    ("sqs", "SendMessage"): ("kms:GenerateDataKey", "kms:Decrypt"),
    ("sqs", "SendMessageBatch"): ("kms:GenerateDataKey", "kms:Decrypt"),
}
"""What the service does for the caller with the key that the touched resource is encrypted with.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
"""
