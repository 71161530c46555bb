"""What several controls share: ARNs and keys of one's own, documents for fixtures, SageMaker jobs in state machines."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from policies.control import ACCOUNT, REGION
from policies.plan import Plan, Resource, UnreadableError
from terraform.command import ROOT

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/fixture"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/slipway-boundary"

_LISTED = yaml.safe_load((ROOT / "training" / "instances.yaml").read_text(encoding="utf-8"))
TRAINING_INSTANCES, ENDPOINT_INSTANCES = frozenset(_LISTED["training"]), frozenset(_LISTED["endpoint"])
"""Instance types that need no discussion; the file says why others do."""

# AWS defines no resource for these (service authorization reference), so "*" is the only way to grant them.
NO_RESOURCE = re.compile(
    r"(cloudwatch:putmetricdata|ecr:getauthorizationtoken|ec2:describe\w+|xray:\w+|sts:getcalleridentity"
    r"|autoscaling:describe\w+|sagemaker:list(hyperparametertuning|training)jobs"
    r"|ssmmessages:(create|open)(control|data)channel"
    r"|logs:(createlogdelivery|deletelogdelivery|describeloggroups|describeresourcepolicies|getlogdelivery"
    r"|listlogdeliveries|putresourcepolicy|updatelogdelivery))"
)


def own_arn(value: Any, plan: Plan, service: str) -> bool:
    """Whether this is an ARN of the plan's own account."""
    parts = str(value).split(":")
    return len(parts) >= 6 and parts[0] == "arn" and parts[2] == service and parts[4] == plan.account


def own_key(value: Any, plan: Plan) -> bool:
    """Whether this names a customer-managed key of the plan's account, and not one of AWS's.

    A key of AWS's has an id like any other; so where the plan makes keys it has to be one of those.
    """
    own = f"arn:aws:kms:{plan.region}:{plan.account}:"
    names = {alias.values.get("name") for alias in plan.of("aws_kms_alias")}
    if value in names or str(value).removeprefix(own) in names:
        return True
    made = {key.values.get("arn") for key in plan.of("aws_kms_key")}
    return own_arn(value, plan, "kms") and "alias/aws/" not in str(value) and (not made or value in made)


def is_open(cidr: Any) -> bool:
    """Whether a range holds addresses that are not private."""
    try:
        return not ipaddress.ip_network(str(cidr), strict=False).is_private
    except ValueError:
        raise UnreadableError(f"no range of addresses: {cidr!r}") from None


def policy_text(*statements: Mapping[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def same(attribute: str, of: str = "") -> Any:
    """A chooser of resources that agree with the subject in an attribute (``of``: its name there)."""
    return lambda other, subject: other.values.get(attribute) == subject.values.get(of or attribute)


TRUST = policy_text(
    {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
)


def machine_text(**task: Any) -> str:
    """A state machine that trains a model as it should be done; keywords replace fields of the one task."""
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
        "TimeoutSeconds": 600,
        "Parameters": {
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/train",
            "AlgorithmSpecification": {
                "TrainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/w/training@sha256:{'0' * 64}"
            },
            "OutputDataConfig": {"S3OutputPath": "s3://models/w", "KmsKeyId": KEY},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeKmsKeyId": KEY},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
            "EnableNetworkIsolation": True,
            "EnableInterContainerTrafficEncryption": True,
        },
        "Retry": [{"ErrorEquals": ["SageMaker.AmazonSageMakerException"], "MaxAttempts": 3}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Stop"}],
        "End": True,
        **task,
    }
    return json.dumps({"TimeoutSeconds": 7200, "StartAt": "T", "States": {"T": state, "Stop": {"Type": "Fail"}}})


def is_log_bucket(bucket: str, plan: Plan) -> bool:
    """Whether other buckets deliver their access logs into this one."""
    logs = [log.values for log in plan.of("aws_s3_bucket_logging")]
    return any(log.get("target_bucket") == bucket != log.get("bucket") for log in logs)


def endpoint_name(target: Resource) -> str:
    """The endpoint that an autoscaling target or policy belongs to."""
    kind, _, rest = str(target.values.get("resource_id")).partition("/")
    return rest.split("/")[0] if kind == "endpoint" else ""
