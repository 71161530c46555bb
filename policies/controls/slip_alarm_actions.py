"""An alarm tells somebody."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(alarm: Resource, plan: Plan) -> Iterator[str]:
    topics = {topic.values.get("arn") for topic in plan.of("aws_sns_topic")}
    if not set(listed(alarm.values.get("alarm_actions"))) & topics:
        yield "it tells nobody of this environment"
    elif alarm.values.get("actions_enabled") is False:
        yield "its actions are switched off"


CONTROL = Control(
    title="An alarm tells somebody",
    severity="medium",
    reason="An alarm without an action is a colour in a console.",
    remedy="Set alarm_actions to the alerts topic and leave actions_enabled on.",
    types=("aws_cloudwatch_metric_alarm",),
    sources=("CloudWatch.15", "CloudWatch.17"),
    check=check,
    good=[
        ("aws_cloudwatch_metric_alarm", {"alarm_actions": ["arn:t"], "actions_enabled": True}),
        ("aws_sns_topic", {"arn": "arn:t"}),
    ],
    breaks={
        "none": put("alarm_actions", []),
        "off": put("actions_enabled", False),
        "elsewhere": put("alarm_actions", ["arn:aws:sns:eu-west-1:999999999999:t"]),
    },
)
