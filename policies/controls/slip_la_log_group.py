"""A function logs to a log group that is managed here."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put, remove
from policies.control import Control
from policies.plan import Plan, Resource


def check(function: Resource, plan: Plan) -> Iterator[str]:
    name = function.block("logging_config").get("log_group") or f"/aws/lambda/{function.values.get('function_name')}"
    if not plan.where("aws_cloudwatch_log_group", name=name):
        yield f"log group {name} is not in the plan"


CONTROL = Control(
    title="A function logs to a log group that is managed here",
    severity="medium",
    reason="Lambda makes a missing group itself: without key and kept for ever.",
    remedy="Keep the function module's log group.",
    types=("aws_lambda_function",),
    sources=("LOG-MANAGED",),
    check=check,
    good=[("aws_lambda_function", {"function_name": "f"}), ("aws_cloudwatch_log_group", {"name": "/aws/lambda/f"})],
    breaks={
        "gone": remove(
            "aws_cloudwatch_log_group", lambda g, f: str(g.values.get("name")).endswith(f"/{f.values['function_name']}")
        ),
        "elsewhere": put("logging_config", [{"log_group": "/aws/lambda/nobody"}]),
    },
)
