"""No route leads to everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add, put
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(table: Resource, plan: Plan) -> Iterator[str]:
    own = plan.where("aws_route", route_table_id=table.values.get("id"))
    for route in [*listed(table.values.get("route")), *(found.values for found in own)]:
        for key in ("cidr_block", "ipv6_cidr_block", "destination_cidr_block", "destination_ipv6_cidr_block"):
            if str(route.get(key)).endswith("/0"):
                yield f"a route leads to {route[key]}"


CONTROL = Control(
    title="No route leads to everywhere",
    severity="critical",
    reason="A default route is what makes a private subnet public.",
    remedy="Remove the route.",
    types=("aws_route_table",),
    sources=("NET-ISOLATION",),
    check=check,
    good=[("aws_route_table", {"id": "r", "route": []})],
    breaks={
        "inline": put("route", [{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"}]),
        "apart": lambda table, plan: add(
            "aws_route", route_table_id=table.values["id"], destination_cidr_block="0.0.0.0/0"
        )(table, plan),
        "v6": put("route", [{"ipv6_cidr_block": "::/0", "egress_only_gateway_id": "eigw-1"}]),
    },
)
