"""Security groups let nobody in from everywhere in rules of their own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.kit import is_open
from policies.plan import Plan, Resource, listed


def check(group: Resource, _: Plan) -> Iterator[str]:
    for rule in listed(group.values.get("ingress")):
        for key in ("cidr_blocks", "ipv6_cidr_blocks"):
            if any(map(is_open, listed(rule.get(key)))):
                yield f"ingress from {rule[key]}"


CONTROL = Control(
    title="Security groups let nobody in from everywhere in rules of their own",
    severity="high",
    reason="A rule written inside the group is as wide as one beside it, and easier to overlook.",
    remedy="Write the rule beside the group, and name the peer's security group in it.",
    types=("aws_security_group",),
    sources=("EC2.53", "EC2.54", "NET-ISOLATION"),
    check=check,
    good=[("aws_security_group", {"ingress": []})],
    breaks={
        "all": put("ingress", [{"protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]),
        "https": put("ingress", [{"protocol": "tcp", "from_port": 443, "cidr_blocks": ["10.0.0.0/8", "0.0.0.0/0"]}]),
        "two halves": put("ingress", [{"protocol": "-1", "cidr_blocks": ["0.0.0.0/1", "128.0.0.0/1"]}]),
        "v6": put("ingress", [{"protocol": "-1", "ipv6_cidr_blocks": ["::/0"]}]),
    },
)
