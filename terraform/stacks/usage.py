"""What puts a workload's model to use: its workflow, what starts it, and where its records go."""

from __future__ import annotations

from collections.abc import Mapping

from terraform.stacks.base import Base
from terraform.stacks.cdk import cdktf
from terraform.stacks.modules import Module, block, place
from terraform.stacks.names import incoming, results
from terraform.stacks.specs import Table, Uploads, Workflow

LISTS_PREFIXES = "classify_images"
"""The workflow that takes a whole prefix of images at a time."""


def add_workflow(
    stack: cdktf.TerraformStack,
    base: Base,
    name: str,
    spec: Workflow,
    *,
    functions: Mapping[str, Module],
) -> Module:
    return place(
        stack,
        f"{block(name)}_workflow",
        "workflow",
        {
            "name": base.names.workload(name),
            "workload": name,
            "boundary_arn": base.boundary_arn,
            "keys": base.key_arns("data", "logs", "messages"),
            "definition": None if spec.definition == LISTS_PREFIXES else spec.definition,
            "functions": {function: module.output("alias_arn") for function, module in functions.items()},
            "data_bucket": base.bucket("data"),
            "results_prefix": results(name) if spec.definition == LISTS_PREFIXES else None,
            "incoming_prefixes": [incoming(name)],
            "log_retention_days": base.settings.logs.retention_days,
            "alarms": base.alarms,
        },
    )


def add_table(stack: cdktf.TerraformStack, base: Base, name: str, spec: Table) -> Module:
    operators = {
        "name": "operators",
        "principal_arns": [base.names.role_arn(base.names.role("operator"))],
        "reason": "Operators read records from outside the VPC.",
    }
    return place(
        stack,
        f"{block(name)}_table",
        "table",
        {
            "name": base.names.table(name),
            "partition_key": spec.partition_key,
            "sort_key": spec.sort_key,
            "key_arn": base.keys.output("arns", "data"),
            "vpc_endpoint_ids": [base.network.output("dynamodb_endpoint_id")],
            "outside_access": [operators] if base.settings.people.operators else [],
            "deletion_protected": base.settings.loosened.force_destroy is None,
            "alarms": base.alarms,
        },
    )


def add_trigger(
    stack: cdktf.TerraformStack,
    base: Base,
    name: str,
    spec: Uploads,
    workflow: Module | None,
    *,
    functions: Mapping[str, Module],
) -> Module:
    if spec.start == "workflow" and workflow:
        target = {"state_machine": {"arn": workflow.output("state_machine_arn")}}
    else:
        target = {"function": {"alias_arn": functions[spec.start].output("alias_arn")}}
    return place(
        stack,
        f"{block(name)}_uploads",
        "trigger",
        {
            "name": f"{base.names.workload(name)}-uploads",
            "bucket": base.buckets["data"].output("name"),
            "prefixes": [spec.prefix],
            "target": target,
            "boundary_arn": base.boundary_arn,
            "key_arn": base.keys.output("arns", "messages"),
            "alarms": base.alarms,
        },
    )
