"""A log is kept for a year in production, and for a set time everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(group: Resource, plan: Plan) -> Iterator[str]:
    days = group.values.get("retention_in_days") or 0
    least = 365 if plan.production else 1
    if days < least:
        yield f"logs are kept {days} days (0: for ever), wanted are {least} at least"


CONTROL = Control(
    title="A log is kept for a year in production, and for a set time everywhere",
    severity="medium",
    reason="Incidents are found months later; for ever is paid for ever.",
    remedy="Set log_retention_days to 365 or more.",
    types=("aws_cloudwatch_log_group",),
    sources=("CloudWatch.16",),
    check=check,
    good=[("aws_cloudwatch_log_group", {"retention_in_days": 365})],
    breaks={"for ever": put("retention_in_days", 0), "unset": drop("retention_in_days")},
)
