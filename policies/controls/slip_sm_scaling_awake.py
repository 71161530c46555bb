"""Nothing keeps an endpoint's autoscaling from acting."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put
from policies.control import Control
from policies.kit import same
from policies.plan import Plan, Resource

SUSPENSIONS = ("dynamic_scaling_in_suspended", "dynamic_scaling_out_suspended", "scheduled_scaling_suspended")


def check(target: Resource, plan: Plan) -> Iterator[str]:
    suspended = target.block("suspended_state")
    for name in SUSPENSIONS:
        if suspended.get(name):
            yield f"{name} stands in the code"
    for policy in plan.where("aws_appautoscaling_policy", resource_id=target.values.get("resource_id")):
        if policy.block("target_tracking_scaling_policy_configuration").get("disable_scale_in"):
            yield f"policy {policy.values.get('name')} never scales in"


CONTROL = Control(
    title="Nothing keeps an endpoint's autoscaling from acting",
    severity="medium",
    reason="A suspension is for the time of a change. Written down it stays: the fleet is paid for ever, or overrun.",
    remedy="Leave suspended_state and disable_scale_in out; make apply suspends scale-in for the time of a rollout.",
    types=("aws_appautoscaling_target",),
    sources=("WA-ML",),
    applies=lambda target, _: target.values.get("service_namespace") == "sagemaker",
    check=check,
    good=[
        ("aws_appautoscaling_target", {"service_namespace": "sagemaker", "resource_id": "endpoint/e/variant/a"}),
        (
            "aws_appautoscaling_policy",
            {
                "name": "p",
                "resource_id": "endpoint/e/variant/a",
                "target_tracking_scaling_policy_configuration": [{"target_value": 5, "disable_scale_in": False}],
            },
        ),
    ],
    breaks={
        "in": put("suspended_state", [{"dynamic_scaling_in_suspended": True}]),
        "out": put("suspended_state", [{"dynamic_scaling_out_suspended": True}]),
        "clock": put("suspended_state", [{"scheduled_scaling_suspended": True}]),
        "policy": elsewhere(
            "aws_appautoscaling_policy",
            put("target_tracking_scaling_policy_configuration.0.disable_scale_in", True),
            same("resource_id"),
        ),
    },
)
