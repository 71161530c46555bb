"""Security groups let nobody in from everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource


def check(rule: Resource, _: Plan) -> Iterator[str]:
    for key in ("cidr_ipv4", "cidr_ipv6"):
        if str(rule.values.get(key)).endswith("/0"):
            yield f"ingress from {rule.values[key]}"


CONTROL = Control(
    title="Security groups let nobody in from everywhere",
    severity="high",
    reason="Nothing here serves the internet.",
    remedy="Name the client's security group.",
    types=("aws_vpc_security_group_ingress_rule",),
    sources=("NET-ISOLATION",),
    check=check,
    good=[("aws_vpc_security_group_ingress_rule", {"referenced_security_group_id": "sg-1"})],
    breaks={"all": put("cidr_ipv4", "0.0.0.0/0"), "v6": put("cidr_ipv6", "::/0")},
)
