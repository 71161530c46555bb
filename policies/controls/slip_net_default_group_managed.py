"""The VPC's default security group is managed."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put, remove
from policies.control import Control
from policies.plan import Plan, Resource


def check(vpc: Resource, plan: Plan) -> Iterator[str]:
    if not plan.where("aws_default_security_group", vpc_id=vpc.values.get("id")):
        yield "its default security group is not managed"


CONTROL = Control(
    title="The VPC's default security group is managed",
    severity="medium",
    reason="Unmanaged it lets all its members talk to each other and out to everywhere.",
    remedy="Keep aws_default_security_group in the network module.",
    types=("aws_vpc",),
    sources=("EC2.2",),
    check=check,
    good=[("aws_vpc", {"id": "v"}), ("aws_default_security_group", {"vpc_id": "v"})],
    breaks={
        "none": remove("aws_default_security_group"),
        "another": elsewhere("aws_default_security_group", put("vpc_id", "vpc-other")),
    },
)
