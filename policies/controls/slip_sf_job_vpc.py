"""Jobs that a state machine starts run in the VPC."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import ISOLATED, JOBS, job_requests, starts
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource, first, missing


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, request in job_requests(machine, *ISOLATED):
        if missing(first(request.get("VpcConfig")), ["Subnets", "SecurityGroupIds"]):
            yield f"state {name}: no VpcConfig"


CONTROL = Control(
    title="Jobs that a state machine starts run in the VPC",
    severity="high",
    reason="A job outside the VPC can be reached by, and reach, the internet.",
    remedy="Give the state VpcConfig with the private subnets and the training security group.",
    types=("aws_sfn_state_machine",),
    sources=("ML-VPC",),
    applies=starts(*ISOLATED),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "none": in_task("Parameters.VpcConfig", None, *JOBS, gone=True),
        "no subnets": in_task("Parameters.VpcConfig.Subnets", [], *JOBS),
        "no groups": in_task("Parameters.VpcConfig.SecurityGroupIds", None, *JOBS, gone=True),
    },
)
