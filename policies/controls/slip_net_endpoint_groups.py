"""An interface endpoint has a security group of its own and stands in a subnet."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource, missing


def check(endpoint: Resource, _: Plan) -> Iterator[str]:
    yield from (f"{name} is empty" for name in missing(endpoint.values, ["security_group_ids", "subnet_ids"]))


CONTROL = Control(
    title="An interface endpoint has a security group of its own and stands in a subnet",
    severity="medium",
    reason="Without a group AWS attaches the VPC's default one, which here lets nothing through.",
    remedy="Set security_group_ids and subnet_ids.",
    types=("aws_vpc_endpoint",),
    sources=("NET-PERIMETER",),
    applies=lambda endpoint, _: endpoint.values.get("vpc_endpoint_type") == "Interface",
    check=check,
    good=[
        ("aws_vpc_endpoint", {"vpc_endpoint_type": "Interface", "security_group_ids": ["sg-1"], "subnet_ids": ["s"]})
    ],
    breaks={"no groups": put("security_group_ids", []), "no subnets": drop("subnet_ids")},
)
