"""A production table cannot be deleted by one call."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control, in_production
from policies.plan import Plan, Resource


def check(table: Resource, _: Plan) -> Iterator[str]:
    if not table.values.get("deletion_protection_enabled"):
        yield "deletion_protection_enabled is not true"


CONTROL = Control(
    title="A production table cannot be deleted by one call",
    severity="medium",
    reason="Records are evidence; a change of a table's keys makes Terraform delete it and make it anew.",
    remedy="Leave deletion_protected of modules/table at true.",
    types=("aws_dynamodb_table",),
    sources=("DynamoDB.6",),
    applies=in_production,
    unused="No production environment has a workload with records yet.",
    check=check,
    good=[("aws_dynamodb_table", {"deletion_protection_enabled": True})],
    breaks={
        "off": put("deletion_protection_enabled", False),
        "none": drop("deletion_protection_enabled"),
    },
)
