"""A function is traced."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(function: Resource, _: Plan) -> Iterator[str]:
    if function.block("tracing_config").get("mode") != "Active":
        yield "X-Ray tracing is not active"


CONTROL = Control(
    title="A function is traced",
    severity="low",
    reason="A trace shows where the time of a slow request went.",
    remedy="Set tracing_config.mode = Active.",
    types=("aws_lambda_function",),
    sources=("Lambda.7",),
    check=check,
    good=[("aws_lambda_function", {"tracing_config": [{"mode": "Active"}]})],
    breaks={"off": put("tracing_config.0.mode", "PassThrough"), "none": drop("tracing_config")},
)
