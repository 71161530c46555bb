"""Security groups let nothing out to everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(rule: Resource, _: Plan) -> Iterator[str]:
    rules = listed(rule.values.get("egress")) if rule.type == "aws_security_group" else [rule.values]
    for one in rules:
        for key in ("cidr_ipv4", "cidr_ipv6", "cidr_blocks", "ipv6_cidr_blocks"):
            if any(str(cidr).endswith("/0") for cidr in listed(one.get(key))):
                yield f"egress to {one[key]}"


CONTROL = Control(
    title="Security groups let nothing out to everywhere",
    severity="high",
    reason="What may connect anywhere can send data anywhere, on any port.",
    remedy="Name the endpoints' security group or the prefix list of S3.",
    types=("aws_vpc_security_group_egress_rule", "aws_security_group"),
    sources=("NET-ISOLATION",),
    check=check,
    good=[("aws_vpc_security_group_egress_rule", {"referenced_security_group_id": "sg-1"})],
    breaks={"all": put("cidr_ipv4", "0.0.0.0/0"), "v6": put("cidr_ipv6", "::/0")},
)
