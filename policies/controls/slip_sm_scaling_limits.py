"""A production endpoint keeps two instances and can grow."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(target: Resource, _: Plan) -> Iterator[str]:
    least, most = target.values.get("min_capacity") or 0, target.values.get("max_capacity") or 0
    if least < 2:
        yield f"the fleet may shrink to {least}"
    elif most <= least:
        yield f"the fleet cannot grow: {least} to {most}"


CONTROL = Control(
    title="A production endpoint keeps two instances and can grow",
    severity="medium",
    reason="A fleet that shrinks to one loses its redundancy at night, and one that cannot grow does not scale.",
    remedy="Set scaling.min to 2 or more and scaling.max above it.",
    types=("aws_appautoscaling_target",),
    sources=("SageMaker.4", "WA-ML"),
    applies=lambda target, plan: plan.production and target.values.get("service_namespace") == "sagemaker",
    check=check,
    good=[("aws_appautoscaling_target", {"service_namespace": "sagemaker", "min_capacity": 2, "max_capacity": 4})],
    breaks={"one": put("min_capacity", 1), "fixed": put("max_capacity", 2), "unset": drop("min_capacity")},
)
