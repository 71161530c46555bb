"""The VPC's traffic is logged."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, elsewhere, put, remove
from policies.control import Control
from policies.plan import Plan, Resource


def check(vpc: Resource, plan: Plan) -> Iterator[str]:
    logs = plan.where("aws_flow_log", vpc_id=vpc.values.get("id"))
    if not any(log.values.get("traffic_type") == "ALL" and log.values.get("log_destination") for log in logs):
        yield "its traffic is not logged in full"


CONTROL = Control(
    title="The VPC's traffic is logged",
    severity="medium",
    reason="After an incident it is the only answer to where data went.",
    remedy="Keep aws_flow_log with traffic_type = ALL.",
    types=("aws_vpc",),
    sources=("EC2.6",),
    check=check,
    good=[
        ("aws_vpc", {"id": "v"}),
        ("aws_flow_log", {"vpc_id": "v", "traffic_type": "ALL", "log_destination": "arn:g"}),
    ],
    breaks={
        "none": remove("aws_flow_log"),
        "rejected only": elsewhere("aws_flow_log", put("traffic_type", "REJECT")),
        "nowhere": elsewhere("aws_flow_log", drop("log_destination")),
    },
)
