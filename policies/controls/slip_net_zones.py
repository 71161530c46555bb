"""The VPC spans two zones or more."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import remove
from policies.control import Control
from policies.plan import Plan, Resource


def check(vpc: Resource, plan: Plan) -> Iterator[str]:
    subnets = plan.where("aws_subnet", vpc_id=vpc.values.get("id"))
    if len({subnet.values.get("availability_zone") for subnet in subnets}) < 2:
        yield "its subnets lie in one zone"


def _in_one_zone(_: Resource, plan: Plan) -> None:
    for subnet in plan.of("aws_subnet"):
        subnet.values["availability_zone"] = "eu-west-1a"


CONTROL = Control(
    title="The VPC spans two zones or more",
    severity="medium",
    reason="A zone can fail as a whole.",
    remedy="Name two zones in settings.yaml.",
    types=("aws_vpc",),
    sources=("Lambda.5", "WA-REL"),
    check=check,
    good=[("aws_vpc", {"id": "v"}), *[("aws_subnet", {"vpc_id": "v", "availability_zone": z}) for z in ("a", "b")]],
    breaks={
        "one": _in_one_zone,
        "none": remove("aws_subnet"),
    },
)
