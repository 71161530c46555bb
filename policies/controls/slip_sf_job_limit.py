"""A job ends by itself, after five days at most."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import JOBS, RUNS, job_requests, starts
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource, first


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, request in job_requests(machine, *RUNS):
        seconds = first(request.get("StoppingCondition")).get("MaxRuntimeInSeconds")
        if not isinstance(seconds, int) or not 0 < seconds <= 5 * 24 * 3600:
            yield f"state {name}: MaxRuntimeInSeconds is {seconds}"


CONTROL = Control(
    title="A job ends by itself, after five days at most",
    severity="medium",
    reason="A job that hangs costs money until somebody sees it.",
    remedy="Set StoppingCondition.MaxRuntimeInSeconds.",
    types=("aws_sfn_state_machine",),
    sources=("WA-COST",),
    applies=starts(*RUNS),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "none": in_task("Parameters.StoppingCondition", None, *JOBS, gone=True),
        "month": in_task("Parameters.StoppingCondition.MaxRuntimeInSeconds", 30 * 86400, *JOBS),
        "from input": in_task("Parameters.StoppingCondition.MaxRuntimeInSeconds", "$.seconds", *JOBS),
    },
)
