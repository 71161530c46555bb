"""The roles of an environment's people, and what several modules must know of all its workloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from terraform.stacks import instances, workbench
from terraform.stacks.base import Base
from terraform.stacks.cdk import cdktf
from terraform.stacks.modules import Module, place
from terraform.stacks.names import Names
from terraform.stacks.specs import WorkloadSpec
from terraform.stacks.workload import Parts

Chosen = Mapping[str, WorkloadSpec]
"""The workloads of an environment, by name."""


def workflows(chosen: Chosen) -> dict[str, str]:
    """Definition of the workflow of each workload that has one."""
    return {name: spec.workflow.definition for name, spec in chosen.items() if spec.workflow}


def table_arns(chosen: Chosen, names: Names) -> list[str]:
    """ARNs of the tables of the workloads that have one, by name, for the same reason as those of the buckets."""
    return [names.table_arn(name) for name, spec in chosen.items() if spec.table]


def add_people(stack: cdktf.TerraformStack, base: Base, chosen: Chosen, placed: Mapping[str, Parts]) -> Module:
    """Add the roles of the operators and the approvers of this environment."""
    settings, names = base.settings, base.names
    return place(
        stack,
        "people",
        "people",
        {
            "name": names.prefix,
            "boundary_arn": base.boundary_arn,
            "production": settings.production,
            "operators": list(settings.people.operators),
            "approvers": list(settings.people.approvers),
            "workloads": {workload: names.workload(workload) for workload in sorted(settings.workloads)},
            "workflows": {
                workload: names.workflow(workload, definition) for workload, definition in workflows(chosen).items()
            },
            "table_arns": table_arns(chosen, names) or None,
            "bucket_arns": {purpose: base.buckets[purpose].output("arn") for purpose in ("data", "models")},
            "jobs": _jobs(base, chosen, placed),
            "workbenches": workbench.wanted(settings) or None,
            "key_arns": base.key_arns("data", "model"),
        },
    )


def _jobs(base: Base, chosen: Chosen, placed: Mapping[str, Parts]) -> dict[str, Any]:
    """Say what a job must stand on before an operator may send it."""
    given = {name: base.settings.workloads[name].training for name in chosen}
    types = {given[name].instance_type or spec.training.instance.type for name, spec in chosen.items()}
    return {
        "instance_types": sorted(instances.TRAINING | types),
        "max_runtime_s": max(given[n].max_runtime_s or s.training.instance.max_runtime_s for n, s in chosen.items()),
        "security_group_ids": {name: parts.training.output("security_group_ids") for name, parts in placed.items()},
        "subnet_ids": base.network.output("subnet_ids"),
        "tuning_names": {name: base.names.tuning(name) for name, spec in chosen.items() if spec.training.tuning},
    }
