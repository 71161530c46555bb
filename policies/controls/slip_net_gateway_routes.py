"""Every route table leads to the gateway endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(endpoint: Resource, plan: Plan) -> Iterator[str]:
    routed = set(listed(endpoint.values.get("route_table_ids")))
    for table in plan.where("aws_route_table", vpc_id=endpoint.values.get("vpc_id")):
        if table.values.get("id") not in routed:
            yield f"route table {table.address} does not lead to it"


CONTROL = Control(
    title="Every route table leads to the gateway endpoint",
    severity="medium",
    reason="A subnet whose table lacks the endpoint cannot reach S3 in a network without internet.",
    remedy="List every route table in route_table_ids.",
    types=("aws_vpc_endpoint",),
    sources=("NET-PERIMETER",),
    applies=lambda endpoint, _: endpoint.values.get("vpc_endpoint_type") == "Gateway",
    check=check,
    good=[
        ("aws_vpc_endpoint", {"vpc_endpoint_type": "Gateway", "vpc_id": "v", "route_table_ids": ["r"]}),
        ("aws_route_table", {"vpc_id": "v", "id": "r"}),
    ],
    breaks={"none": put("route_table_ids", []), "another": put("route_table_ids", ["rtb-other"])},
)
