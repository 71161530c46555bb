"""The VPC has no way out."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add
from policies.control import Control
from policies.plan import Plan, Resource

WAYS_OUT = (
    "aws_internet_gateway",
    "aws_nat_gateway",
    "aws_egress_only_internet_gateway",
    "aws_vpc_peering_connection",
    "aws_ec2_transit_gateway_vpc_attachment",
    "aws_vpn_gateway",
    "aws_eip",
    "aws_internet_gateway_attachment",
)


def check(_: Resource, plan: Plan) -> Iterator[str]:
    yield from (f"{found.address} is a way out" for found in plan.of(*WAYS_OUT))


CONTROL = Control(
    title="The VPC has no way out",
    severity="critical",
    reason="Without a gateway no mistake in a route or a security group can connect the network to the internet.",
    remedy="Remove the gateway; reach AWS through VPC endpoints.",
    types=("aws_vpc",),
    sources=("NET-ISOLATION",),
    check=check,
    good=[("aws_vpc", {"id": "v"})],
    breaks={
        "internet": add("aws_internet_gateway", vpc_id="v"),
        "nat": add("aws_nat_gateway", subnet_id="s"),
        "peering": add("aws_vpc_peering_connection", vpc_id="v"),
    },
)
