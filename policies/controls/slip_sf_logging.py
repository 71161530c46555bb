"""A state machine logs to a log group of the environment."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    logging = machine.block("logging_configuration")
    groups = {f"{group.values.get('arn')}:*" for group in plan.of("aws_cloudwatch_log_group")}
    if logging.get("level") not in ("ALL", "ERROR"):
        yield f"the level is {logging.get('level')}"
    elif logging.get("log_destination") not in groups:
        yield "it logs to no log group of this environment"


CONTROL = Control(
    title="A state machine logs to a log group of the environment",
    severity="medium",
    reason="The history that AWS keeps ends after 90 days and cannot be searched across executions.",
    remedy="Set logging_configuration with level ALL and the module's log group.",
    types=("aws_sfn_state_machine",),
    sources=("StepFunctions.1",),
    check=check,
    good=[
        ("aws_sfn_state_machine", {"logging_configuration": [{"level": "ALL", "log_destination": "arn:g:*"}]}),
        ("aws_cloudwatch_log_group", {"arn": "arn:g"}),
    ],
    breaks={
        "off": put("logging_configuration.0.level", "OFF"),
        "none": drop("logging_configuration"),
        "elsewhere": put("logging_configuration.0.log_destination", "arn:aws:logs:eu-west-1:9:log-group:x:*"),
    },
)
