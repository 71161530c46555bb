"""Security groups let nobody in from everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add, put
from policies.control import Control
from policies.kit import is_open
from policies.plan import Plan, Resource, listed


def check(rule: Resource, _: Plan) -> Iterator[str]:
    if rule.values.get("type") not in (None, "ingress"):
        return
    for key in ("cidr_ipv4", "cidr_ipv6", "cidr_blocks", "ipv6_cidr_blocks"):
        yield from (f"ingress from {cidr}" for cidr in listed(rule.values.get(key)) if is_open(cidr))


CONTROL = Control(
    title="Security groups let nobody in from everywhere",
    severity="high",
    reason="Nothing here serves the internet.",
    remedy="Name the client's security group.",
    types=("aws_vpc_security_group_ingress_rule", "aws_security_group_rule"),
    sources=("EC2.53", "EC2.54", "NET-ISOLATION"),
    check=check,
    good=[("aws_vpc_security_group_ingress_rule", {"referenced_security_group_id": "sg-1"})],
    breaks={
        "all": put("cidr_ipv4", "0.0.0.0/0"),
        "v6": put("cidr_ipv6", "::/0"),
        "half of it": put("cidr_ipv4", "128.0.0.0/1"),
        "one address outside": put("cidr_ipv4", "8.8.8.8/32"),
        "a rule of the old kind": add("aws_security_group_rule", type="ingress", cidr_blocks=["0.0.0.0/0"]),
    },
)
