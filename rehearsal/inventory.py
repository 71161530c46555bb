"""What stands in an account, by ARN or id: every kind of resource that the modules make.

The default VPC, its subnets and its security group come with every account and are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rehearsal.actors import Actor

Lister = Callable[[Any], list[str]]


def _names(operation: str, field: str, key: str | None, **arguments: Any) -> Lister:
    def lister(client: Any) -> list[str]:
        pages = client.get_paginator(operation).paginate(**arguments) if client.can_paginate(operation) else [
            getattr(client, operation)(**arguments)
        ]  # fmt: skip
        return [item[key] if key else item for page in pages for item in page.get(field, [])]

    return lister


def _in_own_vpc(operation: str, field: str, key: str) -> Lister:
    def lister(ec2: Any) -> list[str]:
        default = {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if vpc["IsDefault"]}
        pages = ec2.get_paginator(operation).paginate()
        return [item[key] for page in pages for item in page[field] if item["VpcId"] not in default]

    return lister


def _usable_keys(kms: Any) -> list[str]:
    """Customer keys that are not already on their way out: a key's deletion takes 7 to 30 days."""
    aliases = [alias for page in kms.get_paginator("list_aliases").paginate() for alias in page["Aliases"]]
    # Services make keys of their own on first use, known by such aliases; moto calls that of DynamoDB a customer's.
    services_own = {alias.get("TargetKeyId") for alias in aliases if alias["AliasName"].startswith("alias/aws/")}
    keys = [kms.describe_key(KeyId=key)["KeyMetadata"] for key in _names("list_keys", "Keys", "KeyId")(kms)]
    return [
        key["Arn"]
        for key in keys
        if key["KeyManager"] == "CUSTOMER" and key["KeyState"] != "PendingDeletion" and key["KeyId"] not in services_own
    ]


def _scalable_targets(autoscaling: Any) -> list[str]:
    spaces = ("sagemaker", "lambda")
    find = "describe_scalable_targets"
    return [a for s in spaces for a in _names(find, "ScalableTargets", "ResourceId", ServiceNamespace=s)(autoscaling)]


def _running(operation: str, field: str, key: str) -> Lister:
    """Jobs that run: those that have ended stay as records, on AWS as well."""
    return _names(operation, field, key, StatusEquals="InProgress")


LISTERS: dict[tuple[str, str], Lister] = {
    ("s3", "bucket"): _names("list_buckets", "Buckets", "Name"),
    ("dynamodb", "table"): _names("list_tables", "TableNames", None),
    ("events", "rule"): _names("list_rules", "Rules", "Arn"),
    ("iam", "role"): _names("list_roles", "Roles", "Arn"),
    ("iam", "user"): _names("list_users", "Users", "Arn"),
    ("iam", "identity provider"): _names("list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn"),
    ("iam", "policy"): _names("list_policies", "Policies", "Arn", Scope="Local"),
    ("kms", "key"): _usable_keys,
    ("lambda", "function"): _names("list_functions", "Functions", "FunctionArn"),
    ("stepfunctions", "state machine"): _names("list_state_machines", "stateMachines", "stateMachineArn"),
    ("sagemaker", "endpoint"): _names("list_endpoints", "Endpoints", "EndpointArn"),
    ("sagemaker", "endpoint configuration"): _names("list_endpoint_configs", "EndpointConfigs", "EndpointConfigArn"),
    ("sagemaker", "model"): _names("list_models", "Models", "ModelArn"),
    ("sagemaker", "model package group"): _names(
        "list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupArn"
    ),
    ("sagemaker", "running training job"): _running("list_training_jobs", "TrainingJobSummaries", "TrainingJobArn"),
    ("sagemaker", "running tuning job"): _running(
        "list_hyper_parameter_tuning_jobs", "HyperParameterTuningJobSummaries", "HyperParameterTuningJobArn"
    ),
    ("sagemaker", "running processing job"): _running(
        "list_processing_jobs", "ProcessingJobSummaries", "ProcessingJobArn"
    ),
    ("sagemaker", "running transform job"): _running("list_transform_jobs", "TransformJobSummaries", "TransformJobArn"),
    ("ecr", "repository"): _names("describe_repositories", "repositories", "repositoryArn"),
    ("sqs", "queue"): _names("list_queues", "QueueUrls", None),
    ("sns", "topic"): _names("list_topics", "Topics", "TopicArn"),
    ("cloudwatch", "alarm"): _names("describe_alarms", "MetricAlarms", "AlarmArn"),
    ("logs", "log group"): _names("describe_log_groups", "logGroups", "logGroupName"),
    ("ec2", "VPC"): _in_own_vpc("describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "subnet"): _in_own_vpc("describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "security group"): _in_own_vpc("describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "VPC endpoint"): _names("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("ec2", "flow log"): _names("describe_flow_logs", "FlowLogs", "FlowLogId"),
    ("application-autoscaling", "scalable target"): _scalable_targets,
}


def inventory(owner: Actor) -> list[str]:
    """``kind: name`` of everything there is, sorted."""
    clients = {service: owner.client(service) for service, _ in LISTERS}
    return sorted(f"{kind}: {name}" for (service, kind), find in LISTERS.items() for name in find(clients[service]))
