"""An endpoint's errors and latency raise an alarm."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put
from policies.control import Control
from policies.plan import Plan, Resource

WATCHED = ("Invocation5XXErrors", "ModelLatency")


def check(endpoint: Resource, plan: Plan) -> Iterator[str]:
    name = endpoint.values.get("name")
    seen = {
        alarm.values.get("metric_name")
        for alarm in plan.where("aws_cloudwatch_metric_alarm", namespace="AWS/SageMaker")
        if (alarm.values.get("dimensions") or {}).get("EndpointName") == name
    }
    yield from (f"no alarm on {metric}" for metric in WATCHED if metric not in seen)


CONTROL = Control(
    title="An endpoint's errors and latency raise an alarm",
    severity="medium",
    reason="They are what users feel, and what rolls a deployment back.",
    remedy="Keep the endpoint module's alarms.",
    types=("aws_sagemaker_endpoint",),
    sources=("ALARM-EXIST",),
    check=check,
    good=[
        ("aws_sagemaker_endpoint", {"name": "e"}),
        *[
            (
                "aws_cloudwatch_metric_alarm",
                {"namespace": "AWS/SageMaker", "metric_name": m, "dimensions": {"EndpointName": "e"}},
            )
            for m in WATCHED
        ],
    ],
    breaks={
        "errors": elsewhere(
            "aws_cloudwatch_metric_alarm",
            put("metric_name", "Invocations"),
            lambda a, _: a.values.get("metric_name") == "Invocation5XXErrors",
        ),
        "latency": elsewhere(
            "aws_cloudwatch_metric_alarm",
            put("metric_name", "Invocations"),
            lambda a, _: a.values.get("metric_name") == "ModelLatency",
        ),
    },
)
