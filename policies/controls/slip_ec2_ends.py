"""A group of instances is switched off from outside."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put, remove
from policies.control import Break, Control
from policies.plan import Plan, Resource, first, listed

_HOURS = 168 * 3600


def check(group: Resource, plan: Plan) -> Iterator[str]:
    name = group.values.get("name")
    if group.values.get("min_size") != 0:
        yield "it always runs something"
    off = {
        policy.values.get("arn")
        for policy in plan.where("aws_autoscaling_policy", autoscaling_group_name=name)
        if policy.values.get("adjustment_type") == "ExactCapacity" and policy.values.get("scaling_adjustment") == 0
    }
    if not any(off & set(listed(alarm.values.get("alarm_actions"))) for alarm in _deadlines(name, plan)):
        yield "no alarm on its instances in service switches it off after a time"
    for template in plan.of("aws_launch_template"):
        market = first(first(template.values.get("instance_market_options")).get("spot_options"))
        if market.get("spot_instance_type") == "persistent":
            yield f"{template.address} asks for spot capacity that comes back by itself"


def _deadlines(name: object, plan: Plan) -> Iterator[Resource]:
    for alarm in plan.where("aws_cloudwatch_metric_alarm", metric_name="GroupInServiceInstances"):
        values = alarm.values
        of = (values.get("dimensions") or {}).get("AutoScalingGroupName")
        seconds = (values.get("period") or 0) * (values.get("evaluation_periods") or 0)
        if of == name and 0 < seconds <= _HOURS and values.get("threshold") == 1:
            yield alarm


def _alarm(path: str, value: object) -> Break:
    def change(group: Resource, plan: Plan) -> None:
        for alarm in _deadlines(group.values.get("name"), plan):
            put(path, value)(alarm, plan)
            return

    return change


CONTROL = Control(
    title="A group of instances is switched off from outside",
    severity="medium",
    reason="An instance that hangs does not end itself, and one with a GPU costs a salary before somebody looks.",
    remedy="Let an alarm on GroupInServiceInstances act on a policy that sets exactly no capacity.",
    types=("aws_autoscaling_group",),
    sources=("WA-COST",),
    unused="Workbenches, the only instances, are off in the committed environments.",
    check=check,
    good=[
        ("aws_autoscaling_group", {"name": "w", "min_size": 0, "max_size": 1}),
        (
            "aws_autoscaling_policy",
            {
                "arn": "arn:off",
                "autoscaling_group_name": "w",
                "adjustment_type": "ExactCapacity",
                "scaling_adjustment": 0,
            },
        ),
        (
            "aws_cloudwatch_metric_alarm",
            {
                "metric_name": "GroupInServiceInstances",
                "dimensions": {"AutoScalingGroupName": "w"},
                "period": 3600,
                "evaluation_periods": 12,
                "threshold": 1,
                "alarm_actions": ["arn:off"],
            },
        ),
    ],
    breaks={
        "always one": put("min_size", 1),
        "never": remove("aws_autoscaling_policy"),
        "only told": _alarm("alarm_actions", ["arn:aws:sns:eu-west-1:1:t"]),
        "of another": _alarm("dimensions", {"AutoScalingGroupName": "another"}),
        "for ever": _alarm("threshold", 100),
    },
)
