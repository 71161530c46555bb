"""Every task of a state machine is retried."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import tasks
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource, listed


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, state in tasks(machine):
        if not any(retry.get("MaxAttempts", 3) > 0 for retry in listed(state.get("Retry"))):
            yield f"task {name} is never retried"


CONTROL = Control(
    title="Every task of a state machine is retried",
    severity="medium",
    reason="Services throttle and fail for seconds; a batch of hours must not end with them.",
    remedy="Add Retry for the service's transient errors, with MaxAttempts and BackoffRate.",
    types=("aws_sfn_state_machine",),
    sources=("SFN-BEST",),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "none": in_task("Retry", None, gone=True),
        "empty": in_task("Retry", []),
        "never": in_task("Retry", [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}]),
    },
)
