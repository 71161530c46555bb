"""Jobs that a state machine starts encrypt traffic between containers."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import JOBS, RUNS, job_requests, starts
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, request in job_requests(machine, *RUNS):
        if request.get("EnableInterContainerTrafficEncryption") is not True:
            yield f"state {name}: EnableInterContainerTrafficEncryption is not literally true"


CONTROL = Control(
    title="Jobs that a state machine starts encrypt traffic between containers",
    severity="medium",
    reason="Instances of one job exchange weights and data over the network.",
    remedy="Write EnableInterContainerTrafficEncryption: true into the state.",
    types=("aws_sfn_state_machine",),
    sources=("ML-TRAFFIC",),
    applies=starts(*RUNS),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "off": in_task("Parameters.EnableInterContainerTrafficEncryption", False, *JOBS),
        "unset": in_task("Parameters.EnableInterContainerTrafficEncryption", None, *JOBS, gone=True),
        "text": in_task("Parameters.EnableInterContainerTrafficEncryption", "true", *JOBS),
    },
)
