"""A deployment is rolled back by alarms that exist."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource, first, listed


def check(endpoint: Resource, plan: Plan) -> Iterator[str]:
    rollback = first(endpoint.block("deployment_config").get("auto_rollback_configuration"))
    names = [alarm.get("alarm_name") for alarm in listed(rollback.get("alarms"))]
    if not names:
        yield "no alarm rolls a deployment back"
    known = {alarm.values.get("alarm_name") for alarm in plan.of("aws_cloudwatch_metric_alarm")}
    yield from (f"alarm {name} is not in the plan" for name in names if name not in known)


CONTROL = Control(
    title="A deployment is rolled back by alarms that exist",
    severity="high",
    reason="Without an alarm, or with one that is not there, a bad model takes all traffic.",
    remedy="Name the endpoint's own alarms in auto_rollback_configuration.",
    types=("aws_sagemaker_endpoint",),
    sources=("ML-GUARDRAILS",),
    check=check,
    good=[
        (
            "aws_sagemaker_endpoint",
            {"deployment_config": [{"auto_rollback_configuration": [{"alarms": [{"alarm_name": "a"}]}]}]},
        ),
        ("aws_cloudwatch_metric_alarm", {"alarm_name": "a"}),
    ],
    breaks={
        "none": put("deployment_config.0.auto_rollback_configuration", []),
        "no names": put("deployment_config.0.auto_rollback_configuration.0.alarms", []),
        "unknown": put("deployment_config.0.auto_rollback_configuration.0.alarms.0.alarm_name", "nobody"),
    },
)
