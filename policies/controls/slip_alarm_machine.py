"""A state machine's failures raise an alarm."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import remove
from policies.control import Control
from policies.plan import Plan, Resource


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    arn = machine.values.get("arn")
    alarms = plan.where("aws_cloudwatch_metric_alarm", namespace="AWS/States")
    if not any((alarm.values.get("dimensions") or {}).get("StateMachineArn") == arn for alarm in alarms):
        yield "nobody hears when its executions fail"


CONTROL = Control(
    title="A state machine's failures raise an alarm",
    severity="medium",
    reason="An execution that fails at night is seen in the morning, if at all.",
    remedy="Keep the module's alarms on ExecutionsFailed.",
    types=("aws_sfn_state_machine",),
    sources=("ALARM-EXIST",),
    check=check,
    good=[
        ("aws_sfn_state_machine", {"arn": "arn:m"}),
        ("aws_cloudwatch_metric_alarm", {"namespace": "AWS/States", "dimensions": {"StateMachineArn": "arn:m"}}),
    ],
    breaks={
        "none": remove(
            "aws_cloudwatch_metric_alarm",
            lambda a, m: (a.values.get("dimensions") or {}).get("StateMachineArn") == m.values["arn"],
        )
    },
)
