"""No route leads to everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add, put
from policies.control import Control
from policies.kit import is_open
from policies.plan import Plan, Resource, listed

TO = ("cidr_block", "ipv6_cidr_block", "destination_cidr_block", "destination_ipv6_cidr_block")
TARGETS = ("gateway_id", "nat_gateway_id", "egress_only_gateway_id", "transit_gateway_id", "vpc_peering_connection_id")


def check(table: Resource, _: Plan) -> Iterator[str]:
    routes = [table.values] if table.type == "aws_route" else listed(table.values.get("route"))
    for route in routes:
        yield from (f"a route leads to {route[key]}" for key in TO if route.get(key) and is_open(route[key]))
        if any(route.get(name) for name in TARGETS) and (route.get("destination_prefix_list_id")):
            yield f"a route leads to the prefix list {route['destination_prefix_list_id']}"


CONTROL = Control(
    title="No route leads to everywhere",
    severity="critical",
    reason="A default route is what makes a private subnet public.",
    remedy="Remove the route.",
    types=("aws_route_table", "aws_default_route_table", "aws_route"),
    sources=("NET-ISOLATION",),
    check=check,
    good=[("aws_route_table", {"id": "r", "route": []})],
    breaks={
        "inline": put("route", [{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"}]),
        "apart": add("aws_route", route_table_id="rtb-0", destination_cidr_block="0.0.0.0/0"),
        "halves": put("route", [{"cidr_block": "0.0.0.0/1"}, {"cidr_block": "128.0.0.0/1"}]),
        "the main table": add("aws_default_route_table", route=[{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"}]),
        "v6": put("route", [{"ipv6_cidr_block": "::/0", "egress_only_gateway_id": "eigw-1"}]),
    },
)
