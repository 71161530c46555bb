"""A subnet gives out no public addresses."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource


def check(subnet: Resource, _: Plan) -> Iterator[str]:
    for name in ("map_public_ip_on_launch", "assign_ipv6_address_on_creation"):
        if subnet.values.get(name):
            yield f"{name} is true"


CONTROL = Control(
    title="A subnet gives out no public addresses",
    severity="high",
    reason="A public address is half of a way in.",
    remedy="Set map_public_ip_on_launch = false.",
    types=("aws_subnet",),
    sources=("EC2.15",),
    check=check,
    good=[("aws_subnet", {"map_public_ip_on_launch": False})],
    breaks={"v4": put("map_public_ip_on_launch", True), "v6": put("assign_ipv6_address_on_creation", True)},
)
