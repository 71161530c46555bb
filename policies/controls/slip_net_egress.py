"""Security groups let nothing out to everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource


def check(rule: Resource, _: Plan) -> Iterator[str]:
    for key in ("cidr_ipv4", "cidr_ipv6"):
        if str(rule.values.get(key)).endswith("/0"):
            yield f"egress to {rule.values[key]}"


CONTROL = Control(
    title="Security groups let nothing out to everywhere",
    severity="high",
    reason="What may connect anywhere can send data anywhere, on any port.",
    remedy="Name the endpoints' security group or the prefix list of S3.",
    types=("aws_vpc_security_group_egress_rule",),
    sources=("NET-ISOLATION",),
    check=check,
    good=[("aws_vpc_security_group_egress_rule", {"referenced_security_group_id": "sg-1"})],
    breaks={"all": put("cidr_ipv4", "0.0.0.0/0"), "v6": put("cidr_ipv6", "::/0")},
)
