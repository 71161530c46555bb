"""An endpoint's autoscaling has both cooldowns, neither too short nor too long."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource, missing

# Below, a fleet is scaled on what was measured before its last change; above, it follows no load.
OUT, IN = range(60, 601), range(60, 3601)


def check(policy: Resource, _: Plan) -> Iterator[str]:
    tracking = policy.block("target_tracking_scaling_policy_configuration")
    unset = missing(tracking, ["scale_in_cooldown", "scale_out_cooldown"])
    for name in unset:
        yield f"{name} is not set"
    if unset:
        return
    inwards, outwards = tracking["scale_in_cooldown"], tracking["scale_out_cooldown"]
    for name, value, bounds in (("scale_in_cooldown", inwards, IN), ("scale_out_cooldown", outwards, OUT)):
        if value not in bounds:
            yield f"{name} is {value} s, not {bounds.start} to {bounds.stop - 1} s"
    if inwards < outwards:
        yield f"the fleet shrinks after {inwards} s and grows after {outwards} s"


CONTROL = Control(
    title="An endpoint's autoscaling has both cooldowns, within bounds",
    severity="low",
    reason="Instances take minutes to start; without a pause the fleet swings, or shrinks into the next peak.",
    remedy="Set scale_in_cooldown to 60 to 3600 s and scale_out_cooldown to 60 to 600 s, the first no shorter.",
    types=("aws_appautoscaling_policy",),
    sources=("WA-ML",),
    applies=lambda policy, _: policy.values.get("service_namespace") == "sagemaker",
    check=check,
    good=[
        (
            "aws_appautoscaling_policy",
            {
                "service_namespace": "sagemaker",
                "target_tracking_scaling_policy_configuration": [{"scale_in_cooldown": 300, "scale_out_cooldown": 120}],
            },
        )
    ],
    breaks={
        "in": drop("target_tracking_scaling_policy_configuration.0.scale_in_cooldown"),
        "out": drop("target_tracking_scaling_policy_configuration.0.scale_out_cooldown"),
        "hasty": put("target_tracking_scaling_policy_configuration.0.scale_out_cooldown", 0),
        "asleep": put("target_tracking_scaling_policy_configuration.0.scale_in_cooldown", 86400),
        "backwards": put("target_tracking_scaling_policy_configuration.0.scale_out_cooldown", 600),
    },
)
