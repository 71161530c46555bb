"""A state machine's failures raise an alarm."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put, remove
from policies.control import Control
from policies.plan import Plan, Resource

WATCHED = ("ExecutionsFailed", "ExecutionsTimedOut")
KIND = "aws_cloudwatch_metric_alarm"


def _belongs(alarm: Resource, machine: Resource) -> bool:
    return (alarm.values.get("dimensions") or {}).get("StateMachineArn") == machine.values.get("arn")


def _failures(alarm: Resource, machine: Resource) -> bool:
    return _belongs(alarm, machine) and alarm.values.get("metric_name") == WATCHED[0]


def _timeouts(alarm: Resource, machine: Resource) -> bool:
    return _belongs(alarm, machine) and alarm.values.get("metric_name") == WATCHED[1]


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    alarms = [alarm for alarm in plan.where(KIND, namespace="AWS/States") if _belongs(alarm, machine)]
    seen = {alarm.values.get("metric_name") for alarm in alarms}
    yield from (f"nobody hears of {metric}" for metric in WATCHED if metric not in seen)


CONTROL = Control(
    title="A state machine's failures raise an alarm",
    severity="medium",
    reason="An execution that fails at night is seen in the morning, if at all.",
    remedy="Keep the module's alarms on ExecutionsFailed and ExecutionsTimedOut.",
    types=("aws_sfn_state_machine",),
    sources=("ALARM-EXIST",),
    check=check,
    good=[
        ("aws_sfn_state_machine", {"arn": "arn:m"}),
        *[
            (KIND, {"namespace": "AWS/States", "metric_name": metric, "dimensions": {"StateMachineArn": "arn:m"}})
            for metric in WATCHED
        ],
    ],
    breaks={
        "none": remove(KIND, _belongs),
        "another machine's": elsewhere(KIND, put("dimensions", {"StateMachineArn": "arn:another"}), _failures),
        "timeouts only": remove(KIND, _failures),
        "no timeouts": remove(KIND, _timeouts),
    },
)
