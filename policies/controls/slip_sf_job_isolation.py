"""Jobs that a state machine starts are cut off from the network."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import ISOLATED, JOBS, job_requests, starts
from policies.breaks import in_task, nested_job, sdk_job
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, request in job_requests(machine, *ISOLATED):
        if request.get("EnableNetworkIsolation") is not True:
            yield f"state {name}: EnableNetworkIsolation is not literally true"


CONTROL = Control(
    title="Jobs that a state machine starts are cut off from the network",
    severity="high",
    reason="Training code and its packages see all data; isolated, they can send it nowhere.",
    remedy="Write EnableNetworkIsolation: true into the state; a value from the input does not count.",
    types=("aws_sfn_state_machine",),
    sources=("SageMaker.5", "ML-ISOLATION"),
    applies=starts(*ISOLATED),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "by a path too": in_task("Parameters.EnableNetworkIsolation\\.$", "$.isolated", *JOBS),
        "by an expression": in_task("Parameters.EnableNetworkIsolation", "{% $states.input.isolated %}", *JOBS),
        "in a branch of a map": nested_job(EnableNetworkIsolation=False),
        "through the SDK": sdk_job(EnableNetworkIsolation=False),
        "off": in_task("Parameters.EnableNetworkIsolation", False, *JOBS),
        "unset": in_task("Parameters.EnableNetworkIsolation", None, *JOBS, gone=True),
        "from input": in_task("Parameters.EnableNetworkIsolation", "$.isolated", *JOBS),
    },
)
