"""A function's errors and throttles raise an alarm."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import remove
from policies.control import Control
from policies.plan import Plan, Resource


def check(function: Resource, plan: Plan) -> Iterator[str]:
    name = function.values.get("function_name")
    watched = {
        alarm.values.get("metric_name")
        for alarm in plan.where("aws_cloudwatch_metric_alarm", namespace="AWS/Lambda")
        if (alarm.values.get("dimensions") or {}).get("FunctionName") == name
    }
    yield from (f"no alarm on {metric}" for metric in ("Errors", "Throttles") if metric not in watched)


CONTROL = Control(
    title="A function's errors and throttles raise an alarm",
    severity="medium",
    reason="Errors of asynchronous work are seen by nobody else.",
    remedy="Keep the function module's alarms.",
    types=("aws_lambda_function",),
    sources=("ALARM-EXIST",),
    check=check,
    good=[
        ("aws_lambda_function", {"function_name": "f"}),
        *[
            (
                "aws_cloudwatch_metric_alarm",
                {"namespace": "AWS/Lambda", "metric_name": metric, "dimensions": {"FunctionName": "f"}},
            )
            for metric in ("Errors", "Throttles")
        ],
    ],
    breaks={
        "no errors": remove(
            "aws_cloudwatch_metric_alarm",
            lambda a, f: (
                a.values.get("metric_name") == "Errors"
                and a.values["dimensions"].get("FunctionName") == f.values["function_name"]
            ),
        ),
        "no throttles": remove(
            "aws_cloudwatch_metric_alarm",
            lambda a, f: (
                a.values.get("metric_name") == "Throttles"
                and a.values["dimensions"].get("FunctionName") == f.values["function_name"]
            ),
        ),
    },
)
