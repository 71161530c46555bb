"""One workload in one environment: training, functions, workflow and, once a model is promoted, the endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from terraform.stacks import grants
from terraform.stacks.cdk import cdktf
from terraform.stacks.modules import Module, place
from terraform.stacks.names import Names
from terraform.stacks.places import REPOSITORY
from terraform.stacks.settings import Settings
from terraform.stacks.settings.workload import Function, Workload
from terraform.stacks.specs import FunctionSpec, WorkloadSpec

LISTS_PREFIXES = "classify_images"
"""The workflow that takes a whole prefix of images at a time."""

LIVE_COUNTS = "live_instance_counts"
"""The variable that carries the size of each running fleet over to the next one."""

UNWATCHED = "unwatched"
"""The variable that names the workloads whose present alarms must not turn the next rollout back."""


@dataclass(frozen=True)
class Base:
    """What every workload of an environment stands on."""

    names: Names
    settings: Settings
    boundary_arn: str
    keys: Module
    network: Module
    alerts: Module
    buckets: Mapping[str, Module]

    def key_arns(self, *purposes: str) -> dict[str, str]:
        """Refer to the keys of these purposes, in the shape modules take them."""
        return {purpose: self.keys.output("arns", purpose) for purpose in purposes}

    def place_of(self, group: str) -> dict[str, str]:
        """Refer to the subnets and to the security group of one kind of client."""
        return {
            "subnet_ids": self.network.output("subnet_ids"),
            "security_group_id": self.network.output("client_security_group_ids", group),
        }

    def bucket(self, purpose: str) -> dict[str, str]:
        """Refer to a bucket, in the shape modules take it."""
        return {"name": self.buckets[purpose].output("name"), "arn": self.buckets[purpose].output("arn")}

    @property
    def alarms(self) -> dict[str, Any]:
        """Where alarms go."""
        return {"topic_arn": self.alerts.output("topic_arn")}


@dataclass(frozen=True)
class Parts:
    """The module blocks of one workload."""

    training: Module
    functions: Mapping[str, Module]
    workflow: Module | None
    endpoint: Module


def add_workload(
    stack: cdktf.TerraformStack,
    base: Base,
    name: str,
    *,
    spec: WorkloadSpec,
    functions: Mapping[str, FunctionSpec],
) -> Parts:
    """Add the modules of one workload to an environment."""
    workload = base.settings.workloads[name]
    around = _surroundings(base, name, workload, spec)
    lambdas = {
        function: _add_function(
            stack, base, name, capacity=workload.functions[function], spec=functions[function], around=around
        )
        for function in sorted(spec.functions)
    }
    return Parts(
        training=_add_training(stack, base, name, workload, spec),
        functions=lambdas,
        workflow=_add_workflow(stack, base, name, lambdas) if spec.workflow else None,
        endpoint=_add_endpoint(stack, base, name, workload, spec),
    )


def bucket_principals(purpose: str, workflows: Mapping[str, str], names: Names) -> list[dict[str, Any]]:
    """List the roles whose requests reach a bucket from AWS's own network, not from the VPC, with the reason."""
    if purpose != "data":
        return []
    return [
        {
            "name": f"{workload}-workflow",
            "principal_arns": [names.role_arn(names.workflow(workload, definition))],
            "reason": "Step Functions itself lists the images of a prefix and writes the results of a Distributed Map.",
        }
        for workload, definition in sorted(workflows.items())
        if definition == LISTS_PREFIXES
    ]


def workload_outputs(names: Names, parts: Mapping[str, Parts]) -> dict[str, tuple[dict[str, Any], str]]:
    """Gather what the workloads' modules give, as maps by workload with their descriptions.

    Entries that belong to an endpoint are null until its model is promoted; its name is known before.
    """

    def of_each(part: Callable[[Parts], Module | None], output: str) -> dict[str, str]:
        found = {name: part(modules) for name, modules in parts.items()}
        return {name: module.output(output) for name, module in found.items() if module}

    def of_functions(output: str) -> dict[str, dict[str, str]]:
        return {
            name: {function: module.output(output) for function, module in modules.functions.items()}
            for name, modules in parts.items()
        }

    training, workflow, endpoint = attrgetter("training"), attrgetter("workflow"), attrgetter("endpoint")
    return {
        "artifact_prefixes": (of_each(training, "artifact_prefix"), "Where training jobs leave their models."),
        "code_prefixes": (of_each(training, "code_prefix"), "Where training code is uploaded to."),
        "endpoint_alarms": (of_each(endpoint, "alarm_names"), "Alarms of the live endpoints."),
        "endpoint_config_names": (of_each(endpoint, "endpoint_config_name"), "Configurations of the live endpoints."),
        "endpoint_names": ({name: names.workload(name) for name in parts}, "Endpoints, live or not yet."),
        "endpoint_role_arns": (of_each(endpoint, "role_arn"), "Roles of the models."),
        "failure_topic_arns": (of_each(workflow, "topic_arn"), "Topics of what failed in workflows."),
        "function_alias_arns": (of_functions("alias_arn"), "Aliases through which functions are invoked."),
        "function_names": (of_functions("function_name"), "Functions by folder name."),
        "function_role_arns": (of_functions("role_arn"), "Roles of the functions."),
        "endpoint_log_groups": (of_each(endpoint, "log_group_name"), "Log groups of the live endpoints."),
        "model_package_groups": (of_each(training, "model_package_group_name"), "Groups of the model registry."),
        "repository_urls": (of_each(training, "repository_urls"), "Image repositories: training and serving."),
        "retraining_state_machine_arns": (of_each(training, "state_machine_arn"), "State machines that train."),
        "training_environments": (of_each(training, "job_environment"), "What jobs of each workload stand on."),
        "training_job_name_prefixes": (of_each(training, "job_name_prefix"), "What a training job's name begins with."),
        "training_role_arns": (of_each(training, "role_arn"), "Roles of the training jobs."),
        "training_security_group_ids": (of_each(training, "security_group_ids"), "Security groups of training jobs."),
        "workflow_log_groups": (of_each(workflow, "log_group_name"), "Log groups of the workflows."),
        "workflow_role_arns": (of_each(workflow, "role_arn"), "Roles of the workflows."),
        "workflow_state_machine_arns": (
            of_each(workflow, "state_machine_arn"),
            "State machines that put the models to use.",
        ),
    }


def _incoming(workload: str) -> str:
    return f"{workload}/incoming/"


def _results(workload: str) -> str:
    return f"{workload}/results"


def _surroundings(base: Base, name: str, workload: Workload, spec: WorkloadSpec) -> grants.Surroundings:
    data_arn = base.buckets["data"].output("arn")
    data_name = base.buckets["data"].output("name")
    usage = spec.workflow
    threshold = workload.workflow.threshold or (usage.threshold if usage else None)
    low_confidence = workload.workflow.low_confidence or (usage.low_confidence if usage else None)
    # claims-detector, a companion of claims, is its detector.
    companions = {name.removeprefix(f"{spec.name}-").replace("-", "_"): name for name in spec.companions}
    return grants.Surroundings(
        variables={
            "ALLOWED_BUCKETS": data_name,
            **({"CONFIDENCE_THRESHOLD": str(threshold)} if threshold is not None else {}),
            "ENDPOINT_NAME": base.names.workload(name),
            **{f"{short.upper()}_ENDPOINT_NAME": base.names.workload(full) for short, full in companions.items()},
            "LOG_LEVEL": "INFO",
            **({"LOW_CONFIDENCE": low_confidence} if low_confidence else {}),
            "MAX_IMAGE_BYTES": str(spec.inference.max_image_bytes),
            "MAX_IMAGE_PIXELS": str(spec.inference.max_image_pixels),
            "RESULTS_BUCKET": data_name,
            "RESULTS_PREFIX": _results(name),
            "TOP_K": str(spec.inference.top_k),
        },
        tokens={
            "data_bucket": (data_arn,),
            "data_key": (base.keys.output("arns", "data"),),
            # By name: the endpoint exists only once a model is promoted, the permission may precede it.
            "endpoint": (base.names.endpoint_arn(name),),
            **{f"{short}_endpoint": (base.names.endpoint_arn(full),) for short, full in companions.items()},
            "incoming_objects": (f"{data_arn}/{_incoming(name)}*",),
            "incoming_prefixes": (f"{_incoming(name)}*",),
            "region": (base.settings.region,),
            "results_objects": (f"{data_arn}/{_results(name)}/*",),
        },
    )


def _add_function(
    stack: cdktf.TerraformStack,
    base: Base,
    workload: str,
    *,
    capacity: Function,
    spec: FunctionSpec,
    around: grants.Surroundings,
) -> Module:
    return place(
        stack,
        f"{_block(workload)}_{spec.name}",
        "function",
        {
            "name": base.names.function(workload, spec.name),
            "package": {"path": f"{REPOSITORY}/functions/dist/{spec.name}.zip", "handler": spec.handler},
            "memory_mb": capacity.memory_mb or spec.memory_mb,
            "timeout_s": capacity.timeout_s or spec.timeout_s,
            "environment": grants.environment_of(spec, around),
            "statements": grants.statements_of(spec, around),
            "boundary_arn": base.boundary_arn,
            "keys": base.key_arns("data", "logs", "messages"),
            "network": base.place_of("functions"),
            "concurrency": capacity.model_dump(include={"reserved", "provisioned"}),
            "alarms": base.alarms,
            "log_retention_days": base.settings.logs.retention_days,
        },
    )


def _add_training(stack: cdktf.TerraformStack, base: Base, name: str, workload: Workload, spec: WorkloadSpec) -> Module:
    given, default = workload.training, spec.training.instance
    hyperparameters = {key: entry.default for key, entry in spec.training.hyperparameters.items()}
    if base.settings.environment == "rehearsal":
        hyperparameters |= spec.rehearsal.hyperparameters
    hyperparameters |= given.hyperparameters
    return place(
        stack,
        f"{_block(name)}_training",
        "training",
        {
            "name": base.names.workload(name),
            "tuning_name": base.names.tuning(name),
            "workload": name,
            "boundary_arn": base.boundary_arn,
            "keys": base.key_arns("data", "logs", "messages", "model"),
            "network": base.place_of("training"),
            "buckets": {"data": base.bucket("data"), "models": base.bucket("models")},
            "job": {
                "image": base.names.image(name, spec.training.image, given.image_digest),
                "instance_type": given.instance_type or default.type,
                "instance_count": given.instance_count or default.count,
                "volume_gb": given.volume_gb or default.volume_gb,
                "max_runtime_s": given.max_runtime_s or default.max_runtime_s,
                "spot": given.spot or default.spot,
                "warm_s": default.warm_s,
                "processes_per_instance": spec.training.processes_per_instance,
                "program": spec.training.program,
                "hyperparameters": {key: hyperparameter_text(value) for key, value in sorted(hyperparameters.items())},
                "channels": {
                    channel: content.model_dump(mode="json", exclude_defaults=True)
                    for channel, content in sorted(spec.data.channels.items())
                },
                "metrics": [metric.model_dump() for metric in spec.training.metrics],
            },
            "gate": spec.training.gate.model_dump(),
            "inference": {
                "image": base.names.image(name, spec.inference.image, given.serving_image_digest),
                "instance_types": list(spec.inference.instance_types),
                "content_types": list(spec.inference.content_types),
                "response_types": list(spec.inference.response_types),
            },
            "alarms": base.alarms,
            "log_retention_days": base.settings.logs.retention_days,
            "force_delete_images": base.settings.loosened.force_destroy is not None,
        },
    )


def hyperparameter_text(value: bool | int | float | str) -> str:
    """Write a hyperparameter as SageMaker passes it, which knows only text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _add_workflow(stack: cdktf.TerraformStack, base: Base, name: str, functions: Mapping[str, Module]) -> Module:
    return place(
        stack,
        f"{_block(name)}_workflow",
        "workflow",
        {
            "name": base.names.workload(name),
            "workload": name,
            "boundary_arn": base.boundary_arn,
            "keys": base.key_arns("data", "logs", "messages"),
            "functions": {function: module.output("alias_arn") for function, module in functions.items()},
            "data_bucket": base.bucket("data"),
            "results_prefix": _results(name),
            "incoming_prefixes": [_incoming(name)],
            "log_retention_days": base.settings.logs.retention_days,
            "alarms": base.alarms,
        },
    )


def _add_endpoint(stack: cdktf.TerraformStack, base: Base, name: str, workload: Workload, spec: WorkloadSpec) -> Module:
    given = workload.endpoint
    percentage = spec.capture.percentage if given.capture_percent is None else given.capture_percent
    return place(
        stack,
        f"{_block(name)}_endpoint",
        "endpoint",
        {
            "name": base.names.workload(name),
            "workload": name,
            "boundary_arn": base.boundary_arn,
            "keys": base.key_arns("data", "logs", "messages", "model"),
            "network": base.place_of("endpoint"),
            "model": {
                field: f'${{var.models["{name}"].{field}}}'
                for field in ("version", "image", "model_data_url", "model_package_arn", "promoted")
            },
            "models_bucket": base.bucket("models"),
            "data_bucket": base.bucket("data"),
            "production": base.settings.production,
            "instance_type": given.instance_type,
            "routing_strategy": given.routing,
            "scaling": given.scaling.model_dump(),
            "live_instance_count": f'${{lookup(var.{LIVE_COUNTS}, "{name}", 0)}}',
            "watched": f'${{!contains(keys(var.{UNWATCHED}), "{name}")}}',
            "capture": {"percentage": percentage, "prefix": spec.capture.prefix},
            "rollout": given.rollout.model_dump(),
            "alarms": base.alarms | given.alarms.model_dump(),
        },
        count=f'contains(keys(var.models), "{name}") ? 1 : 0',
    )


def _block(workload: str) -> str:
    return workload.replace("-", "_")
