"""Every task of a state machine catches what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import tasks
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource, listed


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, state in tasks(machine):
        if not any("States.ALL" in listed(catch.get("ErrorEquals")) for catch in listed(state.get("Catch"))):
            yield f"task {name} does not catch States.ALL"


CONTROL = Control(
    title="Every task of a state machine catches what goes wrong",
    severity="medium",
    reason="What is not caught ends the execution, and nobody is told.",
    remedy="Add Catch for States.ALL that leads to the state which reports.",
    types=("aws_sfn_state_machine",),
    sources=("SFN-BEST",),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "none": in_task("Catch", None, gone=True),
        "empty": in_task("Catch", []),
        "some": in_task("Catch", [{"ErrorEquals": ["States.Timeout"], "Next": "Stop"}]),
    },
)
