"""Which of a role's actions a workload's own code calls over its network, and which AWS itself makes with the role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies.plan import condition_keys, listed
from rehearsal.prove.components import FUNCTION, Component

# Made by the platform with the role, outside the customer's subnets.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html (interfaces),
# https://docs.aws.amazon.com/xray/latest/devguide/xray-services-lambda.html (Lambda runs the daemon),
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
_BY_LAMBDA = {
    "ec2": "Lambda attaches the function to the VPC",
    "logs": "Lambda sends the logs",
    "xray": "Lambda's daemon sends the traces",
}
# An isolated container has no network; SageMaker moves its data, through the VPC where there is one:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html (EnableNetworkIsolation).
# What it does with the role besides: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
_BY_SAGEMAKER = {
    "cloudwatch": "SageMaker publishes the metrics and watches the rollout's alarms",
    "ec2": "SageMaker attaches the instances to the VPC",
    "ecr": "SageMaker pulls the image",
    "kms": "SageMaker has the volume encrypted",
    "logs": "SageMaker sends the logs",
}
# A condition on who calls the key for the role: then it is that service, from AWS's side.
_KEY_CONDITIONS = ("kms:viaservice", "kms:encryptioncontext:", "kms:grantisforawsresource")


@dataclass(frozen=True)
class Call:
    """One action that goes out from a workload, with the resources that its statement names."""

    action: str
    resources: tuple[str, ...]
    statement: str


def split(component: Component, document: Mapping[str, Any]) -> tuple[list[Call], dict[str, str]]:
    """A workload's own calls, and what AWS calls with its role: service to the words for it."""
    own: list[Call] = []
    by_aws: dict[str, str] = {}
    for statement in listed(document.get("Statement")):
        if statement.get("Effect") != "Allow":
            continue
        for action in listed(statement.get("Action")):
            why = _made_by_aws(component, str(action), statement)
            if why:
                by_aws[str(action).partition(":")[0]] = why
            else:
                resources = tuple(map(str, listed(statement.get("Resource"))))
                own.append(Call(str(action), resources, str(statement.get("Sid"))))
    return own, dict(sorted(by_aws.items()))


def _made_by_aws(component: Component, action: str, statement: Mapping[str, Any]) -> str:
    service = action.partition(":")[0]
    if service == "kms" and any(key.startswith(_KEY_CONDITIONS) for key in condition_keys(statement)):
        return "the service that holds the data calls the key"
    if component.kind == FUNCTION:
        to_own = set(map(str, listed(statement.get("Resource")))) <= set(component.messages)
        if service in ("sns", "sqs") and to_own and component.messages:
            return "Lambda sends events that failed"
        return _BY_LAMBDA.get(service, "")
    return _BY_SAGEMAKER.get(service, "") if component.isolated else ""
