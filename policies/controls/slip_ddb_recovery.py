"""A table can be brought back to any second."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource


def check(table: Resource, _: Plan) -> Iterator[str]:
    if not table.block("point_in_time_recovery").get("enabled"):
        yield "point_in_time_recovery is not enabled"


CONTROL = Control(
    title="A table can be brought back to any second",
    severity="medium",
    reason="A wrong write or a wrong deployment is undone by recovery alone; a table keeps no versions.",
    remedy="Make tables with modules/table.",
    types=("aws_dynamodb_table",),
    sources=("DynamoDB.2",),
    check=check,
    good=[("aws_dynamodb_table", {"point_in_time_recovery": [{"enabled": True}]})],
    breaks={
        "off": put("point_in_time_recovery.0.enabled", False),
        "none": put("point_in_time_recovery", []),
    },
)
