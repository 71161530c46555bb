"""Nobody can open a shell in a job."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import JOBS, RUNS, job_requests, starts
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, request in job_requests(machine, *RUNS):
        config = request.get("RemoteDebugConfig")
        if "RemoteDebugConfig.$" in request or (config and config != {"EnableRemoteDebug": False}):
            yield f"state {name}: RemoteDebugConfig is {config or 'from the input'}"


CONTROL = Control(
    title="Nobody can open a shell in a job",
    severity="high",
    reason="A shell in the container reads all data of the job, and is cut off from the network by nothing.",
    remedy="Remove RemoteDebugConfig.",
    types=("aws_sfn_state_machine",),
    sources=("ML-REMOTE-DEBUG",),
    applies=starts(*RUNS),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "on": in_task("Parameters.RemoteDebugConfig", {"EnableRemoteDebug": True}, *JOBS),
        "from input": in_task("Parameters.RemoteDebugConfig\\.$", "$.debug", *JOBS),
        "by a path": in_task("Parameters.RemoteDebugConfig", {"EnableRemoteDebug.$": "$.debug"}, *JOBS),
    },
)
