"""Security groups let nobody in from everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(rule: Resource, _: Plan) -> Iterator[str]:
    rules = listed(rule.values.get("ingress")) if rule.type == "aws_security_group" else [rule.values]
    for one in rules:
        for key in ("cidr_ipv4", "cidr_ipv6", "cidr_blocks", "ipv6_cidr_blocks"):
            if any(str(cidr).endswith("/0") for cidr in listed(one.get(key))):
                yield f"ingress from {one[key]}"


CONTROL = Control(
    title="Security groups let nobody in from everywhere",
    severity="high",
    reason="Nothing here serves the internet.",
    remedy="Name the client's security group.",
    types=("aws_vpc_security_group_ingress_rule", "aws_security_group"),
    sources=("NET-ISOLATION",),
    check=check,
    good=[("aws_vpc_security_group_ingress_rule", {"referenced_security_group_id": "sg-1"})],
    breaks={"all": put("cidr_ipv4", "0.0.0.0/0"), "v6": put("cidr_ipv6", "::/0")},
)
