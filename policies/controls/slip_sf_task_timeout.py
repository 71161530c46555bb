"""Every task of a state machine has a timeout."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import tasks
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource

LONGEST_S = 6 * 24 * 3600  # the longest job, and a day for its start


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, state in tasks(machine):
        seconds = state.get("TimeoutSeconds", state.get("TimeoutSecondsPath"))
        if not isinstance(seconds, str) and not (isinstance(seconds, int) and 0 < seconds <= LONGEST_S):
            yield f"task {name} has TimeoutSeconds {seconds}"


CONTROL = Control(
    title="Every task of a state machine has a timeout",
    severity="medium",
    reason="Without one a lost answer keeps an execution waiting for a year.",
    remedy="Set TimeoutSeconds, a little above what the call may take.",
    types=("aws_sfn_state_machine",),
    sources=("SFN-BEST",),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "none": in_task("TimeoutSeconds", None, gone=True),
        "null": in_task("TimeoutSeconds", None),
        "three years": in_task("TimeoutSeconds", 99999999),
    },
)
