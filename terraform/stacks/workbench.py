"""Workbenches in an environment: the module, and what the rest of the environment has to add for it."""

from __future__ import annotations

from collections.abc import Mapping

from terraform.stacks.base import Base
from terraform.stacks.cdk import cdktf
from terraform.stacks.modules import Module, block, place
from terraform.stacks.settings import Settings
from terraform.stacks.specs import WorkloadSpec

# Sessions of Systems Manager. Agents since 3.3.40 do without the third endpoint, ec2messages:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
SERVICES = ("ssm", "ssmmessages")
GROUP = "workbench"
CLIENT_GROUPS = ("functions", "training", "endpoint", GROUP)


def wanted(settings: Settings) -> list[str]:
    """Workloads that have a workbench here."""
    return sorted(name for name, workload in settings.workloads.items() if workload.workbench)


def add_workbenches(stack: cdktf.TerraformStack, base: Base, specs: Mapping[str, WorkloadSpec]) -> dict[str, Module]:
    """Add the module of each, by workload."""
    return {name: _add(stack, base, name, specs[name]) for name in wanted(base.settings)}


def outputs(modules: Mapping[str, Module]) -> dict[str, tuple[dict[str, str], str]]:
    """Give what `make workbench` needs; nothing where there are none."""
    if not modules:
        return {}
    told = {
        "workbench_groups": ("autoscaling_group_name", "Groups of none or one instance, by workload."),
        "workbench_job_uris": ("job_uri", "Where workbenches look for their jobs."),
        "workbench_log_groups": ("log_group_name", "Log groups of the workbenches' jobs."),
    }
    return {
        name: ({workload: module.output(output) for workload, module in modules.items()}, description)
        for name, (output, description) in told.items()
    }


def _add(stack: cdktf.TerraformStack, base: Base, name: str, spec: WorkloadSpec) -> Module:
    workload = base.settings.workloads[name]
    given = workload.workbench
    assert given is not None  # noqa: S101  (`wanted` chose it)
    return place(
        stack,
        f"{block(name)}_workbench",
        "workbench",
        {
            "name": base.names.workload(name),
            "workload": name,
            "boundary_arn": base.boundary_arn,
            "keys": base.key_arns("data", "logs", "model"),
            "network": base.place_of(GROUP),
            "buckets": {"data": base.bucket("data"), "models": base.bucket("models")},
            "image": base.names.image(name, spec.training.image, workload.training.image_digest),
            "input_prefixes": _prefixes(name, [channel.prefix for channel in spec.data.channels.values()]),
            "ami": {"id": given.ami_id},
            "instance": {"type": given.instance_type, "spot": given.spot, "volume_gb": given.volume_gb},
            "limits": {"deadline_hours": given.deadline_hours, "idle_minutes": given.idle_minutes},
            "alarms": base.alarms,
            "log_retention_days": base.settings.logs.retention_days,
        },
    )


def _prefixes(name: str, channels: list[str]) -> list[str]:
    """The dataset as a whole, because a job may take one below it, and each channel that lies elsewhere."""
    dataset = f"{name}/dataset/"
    return [
        dataset,
        *sorted({prefix for prefix in channels if not prefix.startswith(dataset) and prefix.endswith("/")}),
    ]
