"""Requests for a model, its endpoint configuration and its endpoint: the same as terraform/modules/endpoint makes.

Names carry a checksum of what they name, because neither a model nor a configuration can be changed: another promoted
model makes two new resources, and the endpoint moves over to them.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.errors import SpecError
from training.jobs.envelope import secured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.jobs.environment import Environment

VARIANT = "primary"
_LONGEST_NAME = 63
# Those of terraform/modules/endpoint/variables.tf.
_ROLLOUT = {"type": "CANARY", "step_percent": 10, "bake_s": 600}
_TERMINATION_WAIT_S = 120
_STARTING_S = 1800


@dataclass(frozen=True, slots=True)
class Hosting:
    """What an endpoint stands on.

    Attributes
    ----------
    environment
        Of the workload's jobs, with role and security groups of its endpoint.
    name
        Of the endpoint; its alarms' names begin with it.
    data_key_arn, model_key_arn
        Keys of captured traffic and of the instances' storage.
    endpoint
        What the environment gives to Terraform's module of the endpoint.
    """

    environment: Environment
    name: str
    data_key_arn: str
    model_key_arn: str
    endpoint: Mapping[str, Any]


def requests(hosting: Hosting, promoted: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Kind of resource -> request, in the order in which they depend on each other.

    Parameters
    ----------
    promoted
        The workload's entry of models.auto.tfvars.json: version, image, model_data_url.

    Raises
    ------
    SpecError
        A name becomes longer than SageMaker takes.
    """
    model = secured("CreateModel", _model(promoted), hosting.environment)
    model["ModelName"] = _named(hosting.name, re.sub(r"[._]", "-", str(promoted["version"])), model)
    configuration = _configuration(hosting, model["ModelName"])
    # A run of 26 characters is what Terraform appends; the shorter checksum leaves as much of the name.
    configuration["EndpointConfigName"] = _named(hosting.name[:36].strip("-"), "", configuration)
    endpoint = {
        "EndpointName": hosting.name,
        "EndpointConfigName": configuration["EndpointConfigName"],
        "DeploymentConfig": deployment(hosting.name, hosting.endpoint.get("rollout") or {}),
        "Tags": model["Tags"],
    }
    return {"Model": model, "EndpointConfig": configuration, "Endpoint": endpoint}


def deployment(name: str, rollout: Mapping[str, Any]) -> dict[str, Any]:
    """How another configuration takes over: in steps, turned back by the alarms of the endpoint."""
    given: dict[str, Any] = _ROLLOUT | {key: rollout[key] for key in _ROLLOUT if key in rollout}
    kind, step, bake_s = str(given["type"]), int(given["step_percent"]), int(given["bake_s"])
    steps = {"ALL_AT_ONCE": 1, "CANARY": 2, "LINEAR": math.ceil(100 / step)}[kind]
    sizes = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
    traffic: dict[str, Any] = {"Type": kind, "WaitIntervalInSeconds": bake_s}
    if kind in sizes:
        traffic[sizes[kind]] = {"Type": "CAPACITY_PERCENT", "Value": step}
    return {
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": f"{name}-{what}"} for what in ("5xx", "latency-p99")]},
        "BlueGreenUpdatePolicy": {
            "MaximumExecutionTimeoutInSeconds": steps * bake_s + _TERMINATION_WAIT_S + _STARTING_S,
            "TerminationWaitInSeconds": _TERMINATION_WAIT_S,
            "TrafficRoutingConfiguration": traffic,
        },
    }


def _model(promoted: Mapping[str, Any]) -> dict[str, Any]:
    return {"PrimaryContainer": {"Image": promoted["image"], "ModelDataUrl": promoted["model_data_url"]}}


def _configuration(hosting: Hosting, model: str) -> dict[str, Any]:
    endpoint, capture = hosting.endpoint, hosting.endpoint["capture"]
    return {
        "KmsKeyId": hosting.model_key_arn,
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": model,
                "InstanceType": endpoint["instance_type"],
                "InitialInstanceCount": endpoint["scaling"]["min"],
                "InitialVariantWeight": 1.0,
                "RoutingConfig": {"RoutingStrategy": endpoint["routing_strategy"]},
            }
        ],
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": capture["percentage"],
            "DestinationS3Uri": f"s3://{hosting.environment.data_bucket}/{capture['prefix'].strip('/')}",
            "KmsKeyId": hosting.data_key_arn,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        },
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(hosting.environment.tags.items())],
    }


def _named(name: str, version: str, request: Mapping[str, Any]) -> str:
    checksum = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:8]
    whole = "-".join(part for part in (name, version, checksum) if part)
    if len(whole) > _LONGEST_NAME:
        remedy = (
            f"SageMaker takes {_LONGEST_NAME} characters, this has {len(whole)}: shorten the version or the workload"
        )
        raise SpecError("name", whole, remedy)
    return whole
