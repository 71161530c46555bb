"""An endpoint's autoscaling has both cooldowns."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop
from policies.control import Control
from policies.plan import Plan, Resource, missing


def check(policy: Resource, _: Plan) -> Iterator[str]:
    tracking = policy.block("target_tracking_scaling_policy_configuration")
    for name in missing(tracking, ["scale_in_cooldown", "scale_out_cooldown"]):
        yield f"{name} is not set"


CONTROL = Control(
    title="An endpoint's autoscaling has both cooldowns",
    severity="low",
    reason="Instances take minutes to start; without a pause the fleet swings, or shrinks into the next peak.",
    remedy="Set scale_in_cooldown and scale_out_cooldown.",
    types=("aws_appautoscaling_policy",),
    sources=("WA-ML",),
    applies=lambda policy, _: policy.values.get("service_namespace") == "sagemaker",
    check=check,
    good=[
        (
            "aws_appautoscaling_policy",
            {
                "service_namespace": "sagemaker",
                "target_tracking_scaling_policy_configuration": [{"scale_in_cooldown": 300, "scale_out_cooldown": 60}],
            },
        )
    ],
    breaks={
        "in": drop("target_tracking_scaling_policy_configuration.0.scale_in_cooldown"),
        "out": drop("target_tracking_scaling_policy_configuration.0.scale_out_cooldown"),
    },
)
