"""Every task of a state machine has a timeout."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource, tasks


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, state in tasks(machine):
        if not any(isinstance(state.get(key), int | str) for key in ("TimeoutSeconds", "TimeoutSecondsPath")):
            yield f"task {name} has no TimeoutSeconds"


CONTROL = Control(
    title="Every task of a state machine has a timeout",
    severity="medium",
    reason="Without one a lost answer keeps an execution waiting for a year.",
    remedy="Set TimeoutSeconds, a little above what the call may take.",
    types=("aws_sfn_state_machine",),
    sources=("SFN-BEST",),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={"none": in_task("TimeoutSeconds", None, gone=True), "null": in_task("TimeoutSeconds", None)},
)
