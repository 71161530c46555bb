"""The VPC's default security group lets nothing through."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource


def check(group: Resource, _: Plan) -> Iterator[str]:
    yield from (f"{side} is not empty" for side in ("ingress", "egress") if group.values.get(side))


CONTROL = Control(
    title="The VPC's default security group lets nothing through",
    severity="high",
    reason="Whatever names no group gets this one.",
    remedy="Manage aws_default_security_group with empty ingress and egress.",
    types=("aws_default_security_group",),
    sources=("EC2.2",),
    check=check,
    good=[("aws_default_security_group", {"ingress": [], "egress": []})],
    breaks={
        "in": put("ingress", [{"protocol": "-1", "self": True}]),
        "out": put("egress", [{"protocol": "-1", "cidr_blocks": ["10.0.0.0/8"]}]),
    },
)
