"""A state machine calls functions by their alias."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import arguments, called, tasks
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    aliases = {alias.values.get("arn") for alias in plan.of("aws_lambda_alias")}
    for name, state in tasks(machine):
        function = arguments(state).get("FunctionName") if called(state) == "lambda:invoke" else None
        direct = str(state.get("Resource")) if ":lambda:" in str(state.get("Resource")) else ""
        if (called(state) == "lambda:invoke" or direct) and (function or direct) not in aliases:
            yield f"task {name}: {function or direct} is no alias of this environment"


def _invokes(machine: Resource, _: Plan) -> bool:
    return any("lambda" in str(state.get("Resource")) for _, state in tasks(machine))


CONTROL = Control(
    title="A state machine calls functions by their alias",
    severity="medium",
    reason="$LATEST changes under a running execution, and has no provisioned concurrency.",
    remedy="Hand over the function module's alias_arn.",
    types=("aws_sfn_state_machine",),
    sources=("LA-ALIAS",),
    applies=_invokes,
    check=check,
    good=[
        (
            "aws_sfn_state_machine",
            {
                "definition": machine_text(
                    Resource="arn:aws:states:::lambda:invoke", Parameters={"FunctionName": "arn:f:live"}
                )
            },
        ),
        ("aws_lambda_alias", {"arn": "arn:f:live"}),
    ],
    breaks={
        "unqualified": in_task("Parameters.FunctionName", "arn:aws:lambda:eu-west-1:1:function:f", "lambda:invoke"),
        "latest": in_task("Parameters.FunctionName", "f:$LATEST", "lambda:invoke"),
        "the function as the task itself": in_task(
            "Resource", "arn:aws:lambda:eu-west-1:1:function:f", "lambda:invoke"
        ),
        "by a path too": in_task("Parameters.FunctionName\\.$", "$.function", "lambda:invoke"),
        "from input": in_task("Parameters.FunctionName", "$.function", "lambda:invoke"),
    },
)
