"""A state machine calls functions by their alias."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource, arguments, tasks


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    aliases = {alias.values.get("arn") for alias in plan.of("aws_lambda_alias")}
    for name, state in tasks(machine, "lambda:invoke"):
        if arguments(state).get("FunctionName") not in aliases:
            yield f"task {name}: {arguments(state).get('FunctionName')} is no alias of this environment"


CONTROL = Control(
    title="A state machine calls functions by their alias",
    severity="medium",
    reason="$LATEST changes under a running execution, and has no provisioned concurrency.",
    remedy="Hand over the function module's alias_arn.",
    types=("aws_sfn_state_machine",),
    sources=("LA-ALIAS",),
    applies=lambda machine, _: bool(tasks(machine, "lambda:invoke")),
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
        "from input": in_task("Parameters.FunctionName", "$.function", "lambda:invoke"),
    },
)
