"""A schedule acts with a role of the environment."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(schedule: Resource, plan: Plan) -> Iterator[str]:
    role = schedule.block("target").get("role_arn") or schedule.values.get("role_arn")
    if role not in {found.values.get("arn") for found in plan.of("aws_iam_role")}:
        yield f"it acts with {role}, no role of this environment"


CONTROL = Control(
    title="A schedule acts with a role of the environment",
    severity="medium",
    reason="A schedule runs when nobody looks; its rights are checked only where its role is one of ours.",
    remedy="Give the schedule a role made with modules/role.",
    types=("aws_scheduler_schedule",),
    sources=("WA-LEAST",),
    unused="No environment has a schedule yet.",
    check=check,
    good=[("aws_scheduler_schedule", {"target": [{"role_arn": "arn:r"}]}), ("aws_iam_role", {"arn": "arn:r"})],
    breaks={"foreign": put("target.0.role_arn", "arn:aws:iam::999999999999:role/x"), "none": drop("target.0.role_arn")},
)
