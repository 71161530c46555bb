"""One environment: the account-wide modules, then every workload on top of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from terraform.stacks import workbench
from terraform.stacks.base import Base
from terraform.stacks.cdk import cdktf
from terraform.stacks.modules import Module, place
from terraform.stacks.names import PROJECT, Names
from terraform.stacks.people import Chosen, add_people, table_arns, workflows
from terraform.stacks.settings import Settings
from terraform.stacks.specs import Specs
from terraform.stacks.workload import (
    LIVE_COUNTS,
    UNWATCHED,
    Parts,
    add_workload,
    bucket_principals,
    workload_outputs,
)

# Interface endpoints, exactly for what something inside the VPC calls.
SERVICES = (
    "ecr.api",  # SageMaker pulls training and serving images
    "ecr.dkr",
    "events",  # functions and training code announce what they finished
    "kms",  # data keys of the encrypted objects
    "lambda",  # functions hand work to each other's aliases
    "logs",  # training jobs, endpoint containers and functions write logs
    "monitoring",  # drift and quality figures become metrics
    "sagemaker.api",  # training code and monitoring jobs describe jobs and models
    "sagemaker.runtime",  # functions invoke the endpoint
    "sns",  # functions report failed items
    "sqs",  # dead letters
    "states",  # functions start and answer executions
    "sts",  # everything that assumes a role
)
MODELS_TYPE = (
    "map(object({version = string, model_data_url = string, image = string, "
    "model_package_arn = optional(string), promoted = optional(string), sha256 = optional(string), "
    "etag = optional(string)}))"
)


def compose(app: cdktf.App, settings: Settings, specs: Specs) -> cdktf.TerraformStack:
    """Wire the modules of one environment together."""
    stack = cdktf.TerraformStack(app, settings.environment)
    names = Names(settings.environment, settings.account_id, settings.region)
    _terraform(stack, settings)
    _models_variable(stack, settings)
    _live_variable(stack, settings)
    chosen = {name: specs.workloads[name] for name in sorted(settings.workloads)}
    base = _base(stack, settings, names, chosen)
    placed = {name: add_workload(stack, base, name, specs=specs) for name in chosen}
    workbenches = workbench.add_workbenches(stack, base, chosen)
    people = add_people(stack, base, chosen, placed)
    _outputs(stack, base, placed, people, workbench.outputs(workbenches))
    return stack


def _terraform(stack: cdktf.TerraformStack, settings: Settings) -> None:
    stack.add_override("terraform.required_version", ">= 1.11")
    stack.add_override("terraform.required_providers.aws", {"source": "hashicorp/aws", "version": ">= 5.100, < 7"})
    backend: dict[str, Any] = {"local": {}}
    if settings.state.s3:
        backend = {"s3": settings.state.s3.model_dump() | {"encrypt": True, "use_lockfile": True}}
    stack.add_override("terraform.backend", backend)
    # The same for AWS and for the embedded AWS, which is chosen by environment variables alone. A wrong profile
    # stops at allowed_account_ids, before anything is planned.
    stack.add_override(
        "provider.aws",
        [
            {
                "region": settings.region,
                "allowed_account_ids": [settings.account_id],
                "default_tags": [{"tags": _tags(settings)}],
            }
        ],
    )


def _tags(settings: Settings) -> dict[str, str]:
    return {
        "environment": settings.environment,
        "managed-by": "terraform",
        "owner": settings.owner,
        "project": PROJECT,
    }


def _models_variable(stack: cdktf.TerraformStack, settings: Settings) -> None:
    _variable_by_workload(
        stack,
        settings,
        "models",
        type_=MODELS_TYPE,
        description="The promoted model of each workload (models.auto.tfvars.json). Without one, no endpoint.",
    )


def _live_variable(stack: cdktf.TerraformStack, settings: Settings) -> None:
    _variable_by_workload(
        stack,
        settings,
        LIVE_COUNTS,
        type_="map(number)",
        description="Instances that each workload's endpoint runs right now: a new fleet starts with no fewer.",
    )
    _variable_by_workload(
        stack,
        settings,
        UNWATCHED,
        type_="map(string)",
        description="Workloads whose alarms ring already and must not turn the next rollout back, with the reason.",
    )


def _variable_by_workload(
    stack: cdktf.TerraformStack, settings: Settings, name: str, *, type_: str, description: str
) -> None:
    """Add a variable that is a map by workload, empty when left out."""
    cdktf.TerraformVariable(stack, name, type=type_, default={}, nullable=False, description=description)
    known = sorted(settings.workloads)
    stack.add_override(
        f"variable.{name}.validation",
        [
            {
                "condition": f"${{alltrue([for name in keys(var.{name}) : contains({json.dumps(known)}, name)])}}",
                "error_message": f"{name} may only name this environment's workloads: {', '.join(known)}.",
            }
        ],
    )


def _base(stack: cdktf.TerraformStack, settings: Settings, names: Names, chosen: Chosen) -> Base:
    """Add keys, network, buckets and alerts: what every workload stands on."""
    boundary_arn = settings.boundary.arn
    keys = place(
        stack,
        "keys",
        "keys",
        {
            "name": names.prefix,
            "administrators": list(settings.administrators),
            "deletion_window_days": settings.keys.deletion_window_days,
            "autoscaled_volumes": True if workbench.wanted(settings) else None,
        },
    )
    network = place(
        stack,
        "network",
        "network",
        {
            "name": names.prefix,
            "cidr": settings.network.cidr,
            "zones": list(settings.network.zones),
            "endpoint_zones": settings.network.endpoint_zones,
            "services": [*SERVICES, *(workbench.SERVICES if workbench.wanted(settings) else ())],
            "client_groups": list(workbench.CLIENT_GROUPS) if workbench.wanted(settings) else None,
            "boundary_arn": boundary_arn,
            "logs_key_arn": keys.output("arns", "logs"),
            "log_retention_days": settings.logs.retention_days,
            # By name, not by reference: the buckets' policies name the endpoint that this argument belongs to.
            "bucket_arns": [names.bucket_arn(purpose) for purpose in ("data", "logs", "models")],
            "table_arns": table_arns(chosen, names) or None,
        },
    )
    alerts = place(
        stack,
        "alerts",
        "alerts",
        {
            "name": f"{names.prefix}-alerts",
            "key_arn": keys.output("arns", "messages"),
            "emails": list(settings.alerts.emails),
        },
    )
    buckets = _buckets(stack, settings, names, keys, network, chosen=chosen)
    return Base(
        names=names,
        settings=settings,
        boundary_arn=boundary_arn,
        keys=keys,
        network=network,
        alerts=alerts,
        buckets=buckets,
    )


def _buckets(
    stack: cdktf.TerraformStack,
    settings: Settings,
    names: Names,
    keys: Module,
    network: Module,
    *,
    chosen: Chosen,
) -> dict[str, Module]:
    outside = [entry.model_dump(mode="json") for entry in settings.outside_access]
    common = {
        "vpc_endpoint_ids": [network.output("s3_endpoint_id")],
        "force_destroy": settings.loosened.force_destroy is not None,
    }
    logs = place(
        stack,
        "logs_bucket",
        "bucket",
        {**common, "name": names.bucket("logs"), "access_log_target": True, "outside_access": outside},
    )
    capture = {
        f"{name}-capture": {"prefix": f"{name}/capture/", "days": workload.endpoint.capture_days}
        for name, workload in sorted(settings.workloads.items())
    }
    operators = (
        []
        if not settings.people.operators
        else [
            {
                "name": "operators",
                "principal_arns": [names.role_arn(names.role("operator"))],
                "reason": "Operators upload datasets, code and images and read results from outside the VPC.",
            }
        ]
    )
    uploads = {"notifications": {"eventbridge": True}} if any(spec.uploads for spec in chosen.values()) else {}
    specific = {"data": {"lifecycle_rules": {"expirations": capture}, **uploads}, "models": {}}
    key_of = {"data": "data", "models": "model"}
    return {"logs": logs} | {
        purpose: place(
            stack,
            f"{purpose}_bucket",
            "bucket",
            {
                **common,
                **variables,
                "name": names.bucket(purpose),
                "key_arn": keys.output("arns", key_of[purpose]),
                "log_bucket": logs.output("log_target"),
                "outside_access": outside + operators + bucket_principals(purpose, workflows(chosen), names),
            },
        )
        for purpose, variables in specific.items()
    }


def _outputs(
    stack: cdktf.TerraformStack,
    base: Base,
    workloads: Mapping[str, Parts],
    people: Module,
    more: Mapping[str, tuple[Any, str]],
) -> None:
    """Give what people, scripts and the rehearsal need, so that nobody derives a name twice."""
    buckets, network = base.buckets, base.network
    outputs = {
        "account_id": (base.settings.account_id, "Account of this environment."),
        "alerts_topic_arn": (base.alerts.output("topic_arn"), "Topic of all alarms."),
        "approver_role_arn": (people.output("approver_role_arn"), "Role of the people who approve models."),
        "boundary_arn": (base.boundary_arn, "Permissions boundary of every role here."),
        "data_bucket": (buckets["data"].output("name"), "Bucket of datasets, images, results and captured traffic."),
        "key_arns": (base.keys.output("arns"), "Keys by purpose."),
        "logs_bucket": (buckets["logs"].output("name"), "Bucket of access logs."),
        "models_bucket": (buckets["models"].output("name"), "Bucket of training code and model artefacts."),
        "operator_role_arn": (people.output("operator_role_arn"), "Role of the people who train and classify."),
        "region": (base.settings.region, "Region of this environment."),
        "s3_endpoint_id": (network.output("s3_endpoint_id"), "VPC endpoint through which the buckets are reached."),
        "security_group_ids": (network.output("client_security_group_ids"), "Security groups by kind of client."),
        "subnet_ids": (network.output("subnet_ids"), "Private subnets, one per zone."),
        "vpc_id": (network.output("vpc_id"), "The VPC."),
        **workload_outputs(base.names, workloads),
        **more,
    }
    for name, (value, description) in outputs.items():
        # The construct's id carries a suffix, because modules and outputs share one space of ids.
        output = cdktf.TerraformOutput(stack, f"{name}_output", value=value, description=description)
        output.override_logical_id(name)
