"""Every exception to what the service models and the Service Authorization Reference say. Anything else is an error.

Sources: the Service Authorization Reference (actions, resource types), each service's page on its API permissions, and
the AWS documentation named beside a row.
"""

from __future__ import annotations

PREFIXES = {"sagemaker-runtime": "sagemaker", "stepfunctions": "states", "monitoring": "cloudwatch"}
"""Service model -> prefix of its actions, where they differ."""

MODELS = {"monitoring": "cloudwatch", "states": "stepfunctions"}
"""Signing name -> service model, where they differ."""

_CONFIGURATION = ["Analytics", "IntelligentTiering", "Inventory", "Metrics"]
_S3_CONFIGURATIONS = {
    f"{verb}Bucket{kind}Configuration{plural}": f"s3:{right}{kind}Configuration"
    for kind in _CONFIGURATION
    for verb, right, plural in (("Get", "Get", ""), ("Put", "Put", ""), ("Delete", "Put", ""), ("List", "Get", "s"))
}

_CHANGES = ("Create", "Update", "Delete")
_BUDGET_VIEWS = (
    "Budget", "Budgets", "BudgetPerformanceHistory", "BudgetNotificationsForAccount", "NotificationsForBudget",
    "SubscribersForNotification",
)  # fmt: skip

ACTIONS: dict[str, dict[str, str | tuple[str, ...]]] = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    "s3": {
        **_S3_CONFIGURATIONS,
        "CompleteMultipartUpload": "s3:PutObject",
        "CopyObject": "s3:PutObject",
        "CreateMultipartUpload": "s3:PutObject",
        "DeleteBucketCors": "s3:PutBucketCORS",
        "DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
        "DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
        "DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
        "DeleteBucketReplication": "s3:PutReplicationConfiguration",
        "DeleteBucketTagging": "s3:PutBucketTagging",
        "DeleteObjects": "s3:DeleteObject",
        "DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
        "GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
        "GetBucketEncryption": "s3:GetEncryptionConfiguration",
        "GetBucketLifecycle": "s3:GetLifecycleConfiguration",
        "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
        "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
        "GetBucketReplication": "s3:GetReplicationConfiguration",
        "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
        "HeadBucket": "s3:ListBucket",
        "HeadObject": "s3:GetObject",
        "ListBuckets": "s3:ListAllMyBuckets",
        "ListMultipartUploads": "s3:ListBucketMultipartUploads",
        "ListObjectVersions": "s3:ListBucketVersions",
        "ListObjects": "s3:ListBucket",
        "ListObjectsV2": "s3:ListBucket",
        "ListParts": "s3:ListMultipartUploadParts",
        "PutBucketAccelerateConfiguration": "s3:PutAccelerateConfiguration",
        "PutBucketEncryption": "s3:PutEncryptionConfiguration",
        "PutBucketLifecycle": "s3:PutLifecycleConfiguration",
        "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
        "PutBucketNotificationConfiguration": "s3:PutBucketNotification",
        "PutBucketReplication": "s3:PutReplicationConfiguration",
        "PutObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
        "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
        "SelectObjectContent": "s3:GetObject",
        "UploadPart": "s3:PutObject",
        "UploadPartCopy": "s3:PutObject",
    },
    # https://docs.aws.amazon.com/cost-management/latest/userguide/billing-permissions-ref.html
    "budgets": {
        **{
            f"{verb}{what}": "budgets:ModifyBudget"
            for verb in _CHANGES
            for what in ("Budget", "Notification", "Subscriber")
        },
        **{f"Describe{what}": "budgets:ViewBudget" for what in _BUDGET_VIEWS},
    },
    "lambda": {
        "GetLayerVersionByArn": "lambda:GetLayerVersion",
        "Invoke": "lambda:InvokeFunction",
        "InvokeWithResponseStream": "lambda:InvokeFunction",
    },
    "kms": {"ReEncrypt": ("kms:ReEncryptFrom", "kms:ReEncryptTo")},
    "sns": {"PublishBatch": "sns:Publish"},
    "sqs": {
        "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
        "DeleteMessageBatch": "sqs:DeleteMessage",
        "SendMessageBatch": "sqs:SendMessage",
    },
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no permissions are required
    "sts": {"GetCallerIdentity": ()},
}
"""Operations whose actions have other names; () needs no permission at all."""

VERSIONED = {
    ("s3", "DeleteObject"): "s3:DeleteObjectVersion",
    ("s3", "DeleteObjectTagging"): "s3:DeleteObjectVersionTagging",
    ("s3", "GetObject"): "s3:GetObjectVersion",
    ("s3", "GetObjectAcl"): "s3:GetObjectVersionAcl",
    ("s3", "GetObjectTagging"): "s3:GetObjectVersionTagging",
    ("s3", "HeadObject"): "s3:GetObjectVersion",
    ("s3", "PutObjectAcl"): "s3:PutObjectVersionAcl",
    ("s3", "PutObjectTagging"): "s3:PutObjectVersionTagging",
}
"""The action of a call that names a VersionId."""

ADDED = {
    ("s3", "PutObject", "Tagging"): "s3:PutObjectTagging",
    ("s3", "PutObject", "ACL"): "s3:PutObjectAcl",
    ("s3", "CopyObject", "Tagging"): "s3:PutObjectTagging",
    ("s3", "CopyObject", "ACL"): "s3:PutObjectAcl",
    ("s3", "CreateMultipartUpload", "Tagging"): "s3:PutObjectTagging",
    ("s3", "CreateMultipartUpload", "ACL"): "s3:PutObjectAcl",
    ("s3", "PutObject", "ObjectLockLegalHoldStatus"): "s3:PutObjectLegalHold",
    ("s3", "PutObject", "ObjectLockMode"): "s3:PutObjectRetention",
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    ("s3", "CreateBucket", "ACL"): "s3:PutBucketAcl",
    ("s3", "CreateBucket", "CreateBucketConfiguration.Tags"): "s3:TagResource",
    ("s3", "CreateBucket", "ObjectLockEnabledForBucket"): "s3:PutBucketObjectLockConfiguration",
    ("s3", "CreateBucket", "ObjectOwnership"): "s3:PutBucketOwnershipControls",
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_roles.html and its neighbours
    ("iam", "CreateInstanceProfile", "Tags"): "iam:TagInstanceProfile",
    ("iam", "CreateOpenIDConnectProvider", "Tags"): "iam:TagOpenIDConnectProvider",
    ("iam", "CreatePolicy", "Tags"): "iam:TagPolicy",
    ("iam", "CreateRole", "Tags"): "iam:TagRole",
    ("iam", "CreateUser", "Tags"): "iam:TagUser",
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html and
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
    ("sts", "AssumeRole", "SourceIdentity"): "sts:SetSourceIdentity",
    ("sts", "AssumeRole", "Tags"): "sts:TagSession",
    # https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html
    ("stepfunctions", "CreateStateMachine", "publish"): "states:PublishStateMachineVersion",
    ("stepfunctions", "UpdateStateMachine", "publish"): "states:PublishStateMachineVersion",
}
"""Parameters that need one more action on the same resource."""

TAGGED = {
    "application-autoscaling": "application-autoscaling:TagResource",
    "cloudwatch": "cloudwatch:TagResource",
    "dynamodb": "dynamodb:TagResource",
    "ecr": "ecr:TagResource",
    "events": "events:TagResource",
    "kms": "kms:TagResource",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "sagemaker": "sagemaker:AddTags",
    "scheduler": "scheduler:TagResource",
    "sns": "sns:TagResource",
    "sqs": "sqs:TagQueue",
    "ssm": "ssm:AddTagsToResource",
    "stepfunctions": "states:TagResource",
}
"""The action that tags given while something is made need."""

VARIABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "application-autoscaling": {"ResourceId": ("ResourceId",)},
    "budgets": {"BudgetName": ("BudgetName", "Budget.BudgetName", "NewBudget.BudgetName")},
    "cloudwatch": {
        "AlarmName": ("AlarmName", "AlarmNames"),
        "DashboardName": ("DashboardName", "DashboardNames"),
        "InsightRuleName": ("RuleName", "RuleNames"),
        "MetricStreamName": ("Name",),
    },
    "ecr": {"RepositoryName": ("repositoryName", "repositoryNames")},
    "events": {"EventBusName": ("Entries.EventBusName", "EventBusName", "Name"), "RuleName": ("Name", "Rule")},
    "iam": {
        "InstanceProfileNameWithPath": ("InstanceProfileName",),
        "PolicyNameWithPath": ("PolicyName",),
        "RoleNameWithPath": ("RoleName",),
        "UserNameWithPath": ("UserName",),
        "GroupNameWithPath": ("GroupName",),
    },
    "kms": {"Alias": ("AliasName",), "KeyId": ("KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId")},
    "lambda": {
        "FunctionName": ("FunctionName", "FunctionArn", "Resource"),
        "Alias": ("Alias", "Name", "Qualifier"),
        "Version": ("Version",),
    },
    "logs": {
        "LogGroupName": ("logGroupName", "logGroupIdentifier", "logGroupArn", "logGroupNames", "logGroupIdentifiers"),
        "LogStreamName": ("logStreamName",),
    },
    "s3": {"BucketName": ("Bucket",), "ObjectName": ("Key", "Delete.Objects.Key")},
    "sagemaker": {"ModelPackageName": ("ModelPackageName", "ModelPackageGroupName")},
    "scheduler": {"GroupName": ("GroupName", "Name"), "ScheduleName": ("Name",)},
    "sns": {"TopicName": ("TopicArn", "TargetArn", "ResourceArn", "Name")},
    "sqs": {"QueueName": ("QueueUrl", "QueueName", "SourceArn", "TaskHandle")},
    "ssm": {"ParameterNameWithoutLeadingSlash": ("Name", "Names", "Path", "ResourceId")},
    "stepfunctions": {
        "ActivityName": ("activityArn", "name"),
        "ExecutionId": ("executionArn",),
        "StateMachineName": ("stateMachineArn", "name"),
    },
    "sts": {"RoleNameWithPath": ("RoleArn",)},
}
"""Variable of an ARN template -> parameters that fill it (a dot walks into a member), where the names differ."""

EC2_IDS = {
    "image": "ami", "instance": "i", "launch-template": "lt", "network-acl": "acl", "network-interface": "eni",
    "prefix-list": "pl", "route-table": "rtb", "security-group": "sg", "security-group-rule": "sgr", "snapshot": "snap",
    "subnet": "subnet", "volume": "vol", "vpc": "vpc", "vpc-endpoint": "vpce", "vpc-flow-log": "fl",
}  # fmt: skip
"""Type of an EC2 resource -> how its ids begin."""

OF_ANY = {"ec2:DisassociateRouteTable": "route-table", "s3:ListAllMyBuckets": "bucket"}
"""Actions judged on all of a type: the call names an association, or nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html (buckets)
"""

WITHOUT_RESOURCE = {
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "cloudwatch:PutMetricData",
    "ecr:DescribeRegistry",
    "events:ListEventBuses",
    "events:ListRules",
    "kms:CreateKey",
    "kms:GenerateRandom",
    "kms:ListAliases",
    "kms:ListKeys",
    "lambda:CreateEventSourceMapping",
    "lambda:ListEventSourceMappings",
    "lambda:ListFunctions",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "sns:ListTopics",
    "sqs:ListQueues",
    "sts:DecodeAuthorizationMessage",
    "sts:GetAccessKeyInfo",
    "sts:GetSessionToken",
}
"""Actions judged on ``*`` although the reference lists resource types, or that no parameter can name."""

SEARCHES = ("List", "Describe", "Search", "Filter", "Get", "Query", "BatchGet", "BatchDescribe")
"""Beginnings of operations that read: without the name of anything they are judged on all of a type."""

MAKES = ("Create", "Run", "Allocate", "Import", "Copy", "Register", "Start", "Put", "Request")
"""Beginnings of operations whose target's id AWS invents: judged on ``<type>/*``, as EC2 does."""

PASSED_TO = {
    "application-autoscaling": "application-autoscaling.amazonaws.com",
    "cloudwatch": "streams.metrics.cloudwatch.amazonaws.com",
    "ec2": "ec2.amazonaws.com",
    "ecr": "ecr.amazonaws.com",
    "events": "events.amazonaws.com",
    "iam": "ec2.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
    "logs": "logs.amazonaws.com",
    "s3": "s3.amazonaws.com",
    "sagemaker": "sagemaker.amazonaws.com",
    "scheduler": "scheduler.amazonaws.com",
    "sns": "sns.amazonaws.com",
    "ssm": "ssm.amazonaws.com",
    "stepfunctions": "states.amazonaws.com",
}
"""iam:PassedToService of an operation that hands over a role."""

PASSED_ROLES = {
    ("ec2", "CreateFlowLogs"): ("DeliverLogsPermissionArn", "vpc-flow-logs.amazonaws.com"),
    ("iam", "AddRoleToInstanceProfile"): ("RoleName", "ec2.amazonaws.com"),
}
"""Handed-over roles that neither the pattern nor the name of the parameter gives away."""

NOT_PASSED = {"sts", "kms", "sagemaker-runtime", "sqs"}
"""Services whose role parameters name whom a call concerns, not whom the service becomes."""

READS = ("Describe", "List", "Get", "Delete", "Invoke", "Search", "Filter", "Batch", "Simulate")
"""Beginnings of operations that hand over nothing."""
