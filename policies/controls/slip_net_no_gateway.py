"""The VPC has no way out."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add
from policies.control import Control
from policies.plan import WHOLE, Plan, Resource

WAYS_OUT = (
    "aws_internet_gateway",
    "aws_nat_gateway",
    "aws_egress_only_internet_gateway",
    "aws_vpc_peering_connection",
    "aws_ec2_transit_gateway_vpc_attachment",
    "aws_vpn_gateway",
    "aws_eip",
    "aws_internet_gateway_attachment",
    "aws_customer_gateway",
    "aws_dx_gateway_association",
    "aws_ec2_carrier_gateway",
    "aws_ec2_client_vpn_endpoint",
    "aws_vpc_peering_connection_accepter",
    "aws_vpclattice_service_network_vpc_association",
    "aws_vpn_connection",
)


def check(_: Resource, plan: Plan) -> Iterator[str]:
    yield from (f"{found.address} is a way out" for found in plan.of(*WAYS_OUT))


CONTROL = Control(
    title="The VPC has no way out",
    severity="critical",
    reason="Without a gateway no mistake in a route or a security group can connect the network to the internet.",
    remedy="Remove the gateway; reach AWS through VPC endpoints.",
    types=(WHOLE,),
    sources=("NET-ISOLATION",),
    refuses=WAYS_OUT,
    check=check,
    good=[(WHOLE, {})],
    breaks={
        "internet": add("aws_internet_gateway", vpc_id="v"),
        "nat": add("aws_nat_gateway", subnet_id="s"),
        "peering": add("aws_vpc_peering_connection", vpc_id="v"),
    },
)
