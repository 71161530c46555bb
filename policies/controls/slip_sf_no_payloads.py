"""A state machine's log holds no payloads."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource


def check(machine: Resource, _: Plan) -> Iterator[str]:
    if machine.block("logging_configuration").get("include_execution_data"):
        yield "inputs and outputs of executions are logged"


CONTROL = Control(
    title="A state machine's log holds no payloads",
    severity="medium",
    reason="Whoever may read logs would read keys of images, labels and errors of users.",
    remedy="Set include_execution_data = false.",
    types=("aws_sfn_state_machine",),
    sources=("DATA-MIN",),
    check=check,
    good=[("aws_sfn_state_machine", {"logging_configuration": [{"include_execution_data": False}]})],
    breaks={"on": put("logging_configuration.0.include_execution_data", True)},
)
