"""Every autoscaling target has a policy that moves it."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import remove
from policies.control import Control
from policies.kit import same
from policies.plan import Plan, Resource


def check(target: Resource, plan: Plan) -> Iterator[str]:
    policies = plan.where("aws_appautoscaling_policy", resource_id=target.values.get("resource_id"))
    if not any(policy.values.get("policy_type") == "TargetTrackingScaling" for policy in policies):
        yield f"no target-tracking policy moves {target.values.get('resource_id')}"


def _stepped(target: Resource, plan: Plan) -> None:
    for policy in plan.where("aws_appautoscaling_policy", resource_id=target.values.get("resource_id")):
        policy.values["policy_type"] = "StepScaling"


CONTROL = Control(
    title="Every autoscaling target has a policy that moves it",
    severity="medium",
    reason="A target alone sets limits; it takes a policy to follow the load.",
    remedy="Keep the module's target-tracking policy.",
    types=("aws_appautoscaling_target",),
    sources=("WA-ML",),
    applies=lambda target, _: target.values.get("service_namespace") == "sagemaker",
    check=check,
    good=[
        ("aws_appautoscaling_target", {"service_namespace": "sagemaker", "resource_id": "endpoint/e/variant/a"}),
        ("aws_appautoscaling_policy", {"resource_id": "endpoint/e/variant/a", "policy_type": "TargetTrackingScaling"}),
    ],
    breaks={
        "none": remove("aws_appautoscaling_policy", same("resource_id")),
        "kind": _stepped,
    },
)
