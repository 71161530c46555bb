"""One workload in one environment: training, functions, workflow and, once a model is promoted, the endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from terraform.stacks.base import Base
from terraform.stacks.cdk import cdktf
from terraform.stacks.functions import add_function, surroundings
from terraform.stacks.modules import Module, block, place
from terraform.stacks.names import Names
from terraform.stacks.settings.workload import Workload
from terraform.stacks.specs import Specs, WorkloadSpec
from terraform.stacks.usage import LISTS_PREFIXES, add_table, add_trigger, add_workflow

LIVE_COUNTS = "live_instance_counts"
"""The variable that carries the size of each running fleet over to the next one."""

UNWATCHED = "unwatched"
"""The variable that names the workloads whose present alarms must not turn the next rollout back."""


@dataclass(frozen=True)
class Parts:
    """The module blocks of one workload."""

    training: Module
    functions: Mapping[str, Module]
    workflow: Module | None
    endpoint: Module
    table: Module | None = None


def add_workload(
    stack: cdktf.TerraformStack,
    base: Base,
    name: str,
    *,
    specs: Specs,
) -> Parts:
    """Add the modules of one workload to an environment."""
    spec, functions = specs.workloads[name], specs.functions
    called = specs.called[spec.workflow.definition] if spec.workflow else frozenset()
    workload = base.settings.workloads[name]
    around = surroundings(base, name, workload, spec)
    table = add_table(stack, base, name, spec.table) if spec.table else None
    lambdas = {
        function: add_function(
            stack, base, name, capacity=workload.functions[function], spec=functions[function], around=around
        )
        for function in sorted(spec.functions)
    }
    workflow = None
    if spec.workflow:
        steps = {function: module for function, module in lambdas.items() if function in called}
        workflow = add_workflow(stack, base, name, spec.workflow, functions=steps)
    if spec.uploads:
        add_trigger(stack, base, name, spec.uploads, workflow, functions=lambdas)
    return Parts(
        training=_add_training(stack, base, name, workload, spec),
        functions=lambdas,
        workflow=workflow,
        endpoint=_add_endpoint(stack, base, name, workload, spec),
        table=table,
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

    training, workflow, endpoint, table = map(attrgetter, ("training", "workflow", "endpoint", "table"))
    return {
        "artifact_prefixes": (of_each(training, "artifact_prefix"), "Where training jobs leave their models."),
        "code_prefixes": (of_each(training, "code_prefix"), "Where training code is uploaded to."),
        "endpoint_alarms": (of_each(endpoint, "alarm_names"), "Alarms of the live endpoints."),
        "endpoint_config_names": (of_each(endpoint, "endpoint_config_name"), "Configurations of the live endpoints."),
        "endpoint_names": ({name: names.workload(name) for name in parts}, "Endpoints, live or not yet."),
        "endpoint_role_arns": (of_each(endpoint, "role_arn"), "Roles of the models."),
        "table_names": (of_each(table, "name"), "Tables of the workloads that have one."),
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


def _add_training(stack: cdktf.TerraformStack, base: Base, name: str, workload: Workload, spec: WorkloadSpec) -> Module:
    given, default = workload.training, spec.training.instance
    hyperparameters = {key: entry.default for key, entry in spec.training.hyperparameters.items()}
    if base.settings.environment == "rehearsal":
        hyperparameters |= spec.rehearsal.hyperparameters
    hyperparameters |= given.hyperparameters
    return place(
        stack,
        f"{block(name)}_training",
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


def _add_endpoint(stack: cdktf.TerraformStack, base: Base, name: str, workload: Workload, spec: WorkloadSpec) -> Module:
    given = workload.endpoint
    percentage = spec.capture.percentage if given.capture_percent is None else given.capture_percent
    return place(
        stack,
        f"{block(name)}_endpoint",
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
