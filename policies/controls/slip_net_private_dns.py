"""An interface endpoint answers under the service's own name."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(endpoint: Resource, _: Plan) -> Iterator[str]:
    if endpoint.values.get("private_dns_enabled") is not True:
        yield "private_dns_enabled is not true"


CONTROL = Control(
    title="An interface endpoint answers under the service's own name",
    severity="medium",
    reason="Without private DNS clients resolve the public address, which a closed network cannot reach.",
    remedy="Set private_dns_enabled = true.",
    types=("aws_vpc_endpoint",),
    sources=("NET-PERIMETER",),
    applies=lambda endpoint, _: endpoint.values.get("vpc_endpoint_type") == "Interface",
    check=check,
    good=[("aws_vpc_endpoint", {"vpc_endpoint_type": "Interface", "private_dns_enabled": True})],
    breaks={"off": put("private_dns_enabled", False), "unset": drop("private_dns_enabled")},
)
