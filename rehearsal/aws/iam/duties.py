"""What AWS's services do on behalf of a resource: one row per duty, with where AWS says which permission it takes.

A row is decided with the resource's role (``as_role``), or in the service's own name against the policy of what it
touches. Rows marked "decided only" stand for work that nothing here does: the permission is asked for at the moment at
which AWS would need it.

Not decided, because nothing of ours governs it: service-linked roles (Application Auto Scaling), and AWS's own
registries and keys.
"""

from __future__ import annotations

from typing import NamedTuple

LAMBDA, SAGEMAKER, STATES = "lambda.amazonaws.com", "sagemaker.amazonaws.com", "states.amazonaws.com"
EVENTS, SCHEDULER, FLOW_LOGS = "events.amazonaws.com", "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com"
ALARMS, ALARMS_TO_LAMBDA = "cloudwatch.amazonaws.com", "lambda.alarms.cloudwatch.amazonaws.com"
S3, SNS = "s3.amazonaws.com", "sns.amazonaws.com"

_DOCS = "https://docs.aws.amazon.com/"
_LAMBDA_VPC = _DOCS + "lambda/latest/dg/configuration-vpc.html"
_SAGEMAKER = _DOCS + "sagemaker/latest/dg/sagemaker-roles.html"


class Duty(NamedTuple):
    """One thing that a service does.

    Parameters
    ----------
    service
        Its principal.
    actions
        What has to be allowed.
    source
        Where AWS says so.
    """

    service: str
    actions: tuple[str, ...]
    source: str


DUTIES: dict[str, Duty] = {
    "function log stream": Duty(
        LAMBDA,
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        _DOCS + "lambda/latest/dg/monitoring-cloudwatchlogs.html",
    ),
    # Decided only: Lambda's interfaces are its own here. AWS demands all of them before it connects a function.
    "function interfaces": Duty(
        LAMBDA,
        (
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:AssignPrivateIpAddresses",
            "ec2:DeleteNetworkInterface",
            "ec2:UnassignPrivateIpAddresses",
        ),
        _LAMBDA_VPC,
    ),
    "function interfaces removed": Duty(
        LAMBDA, ("ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"), _LAMBDA_VPC
    ),
    # Decided only: there is no X-Ray here.
    "function traces": Duty(
        LAMBDA, ("xray:PutTraceSegments", "xray:PutTelemetryRecords"), _DOCS + "lambda/latest/dg/services-xray.html"
    ),
    # Decided only. Lambda's own grant to the role, which is void once the role is made anew, is not modelled.
    "function environment": Duty(
        LAMBDA, ("kms:Decrypt",), _DOCS + "lambda/latest/dg/configuration-envvars-encryption.html"
    ),
    "function dead letters": Duty(
        LAMBDA, (), _DOCS + "lambda/latest/dg/invocation-async-retain-records.html"
    ),  # the target's own send action
    "function queue": Duty(
        LAMBDA,
        ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        _DOCS + "lambda/latest/dg/services-sqs-configure.html",
    ),
    # Decided only: programs stand in for images, and the cluster's interfaces and volumes are SageMaker's own.
    "image": Duty(
        SAGEMAKER,
        ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
        _SAGEMAKER,
    ),
    "registry": Duty(SAGEMAKER, ("ecr:GetAuthorizationToken",), _SAGEMAKER),
    "cluster interfaces": Duty(SAGEMAKER, ("ec2:CreateNetworkInterface",), _SAGEMAKER),
    "cluster interfaces managed": Duty(
        SAGEMAKER,
        (
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ),
        _SAGEMAKER,
    ),
    "cluster network": Duty(
        SAGEMAKER,
        (
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ),
        _SAGEMAKER,
    ),
    "cluster volume": Duty(SAGEMAKER, ("kms:CreateGrant",), _SAGEMAKER),
    "container log stream": Duty(SAGEMAKER, ("logs:CreateLogStream", "logs:PutLogEvents"), _SAGEMAKER),
    "container log group": Duty(SAGEMAKER, ("logs:DescribeLogStreams",), _SAGEMAKER),
    "container metrics": Duty(SAGEMAKER, ("cloudwatch:PutMetricData",), _SAGEMAKER),
    "rollout alarms": Duty(
        SAGEMAKER,
        ("cloudwatch:DescribeAlarms",),
        _DOCS + "sagemaker/latest/dg/deployment-guardrails-configuration.html",
    ),
    # Decided only: log groups need no delivery here. AWS demands the right to end a delivery with that to begin it.
    "workflow log delivery": Duty(
        STATES,
        (
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
        ),
        _DOCS + "step-functions/latest/dg/cw-logs.html",
    ),
    "workflow log delivery changed": Duty(
        STATES, ("logs:UpdateLogDelivery",), _DOCS + "step-functions/latest/dg/cw-logs.html"
    ),
    "workflow log delivery removed": Duty(
        STATES, ("logs:DeleteLogDelivery",), _DOCS + "step-functions/latest/dg/cw-logs.html"
    ),
    "workflow log key": Duty(
        STATES, ("kms:GenerateDataKey",), _DOCS + "step-functions/latest/dg/encryption-at-rest.html"
    ),
    "workflow state key": Duty(
        STATES, ("kms:Decrypt", "kms:GenerateDataKey"), _DOCS + "step-functions/latest/dg/encryption-at-rest.html"
    ),
    # Decided only: there is no X-Ray here.
    "workflow traces": Duty(
        STATES,
        (
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
        ),
        _DOCS + "step-functions/latest/dg/concepts-xray-tracing.html",
    ),
    # Decided only: tasks that wait for a job ask the job itself.
    "workflow managed rule": Duty(
        STATES,
        ("events:DescribeRule", "events:PutRule", "events:PutTargets"),
        _DOCS + "step-functions/latest/dg/service-integration-iam-templates.html",
    ),
    "workflow children": Duty(
        STATES,
        ("states:StartExecution",),
        _DOCS + "step-functions/latest/dg/iam-policies-eg-dist-map.html",
    ),
    "workflow children followed": Duty(
        STATES,
        ("states:DescribeExecution",),
        _DOCS + "step-functions/latest/dg/iam-policies-eg-dist-map.html",
    ),
    "flow log stream": Duty(
        FLOW_LOGS,
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        _DOCS + "vpc/latest/userguide/flow-logs-iam-role.html",
    ),
    "flow log groups": Duty(
        FLOW_LOGS,
        ("logs:DescribeLogGroups",),
        _DOCS + "vpc/latest/userguide/flow-logs-iam-role.html",
    ),
    "flow log streams": Duty(
        FLOW_LOGS,
        ("logs:DescribeLogStreams",),
        _DOCS + "vpc/latest/userguide/flow-logs-iam-role.html",
    ),
    # Logs names the group in the encryption context of every call to its key.
    "log group key": Duty(
        "logs.{region}.amazonaws.com",
        ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"),
        _DOCS + "AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
    ),
    "rule target": Duty(EVENTS, (), _DOCS + "eventbridge/latest/userguide/eb-use-resource-based.html"),
    "schedule target": Duty(SCHEDULER, (), _DOCS + "scheduler/latest/UserGuide/setting-up.html"),
    "alarm action": Duty(ALARMS, (), _DOCS + "AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html"),
    "alarm function": Duty(
        ALARMS_TO_LAMBDA, (), _DOCS + "AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html"
    ),
    "bucket notification": Duty(S3, (), _DOCS + "AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html"),
    "bucket access log": Duty(
        "logging.s3.amazonaws.com",
        ("s3:PutObject",),
        _DOCS + "AmazonS3/latest/userguide/enable-server-access-logging.html",
    ),
    "log subscription": Duty("logs.amazonaws.com", (), _DOCS + "AmazonCloudWatch/latest/logs/SubscriptionFilters.html"),
    "topic subscription": Duty(SNS, (), _DOCS + "sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html"),
}
"""Duties without actions send a message: the actions are those of the target's API and of the key behind it."""
