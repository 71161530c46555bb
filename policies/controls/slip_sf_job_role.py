"""The role of a job is written down, and one of the environment's."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import ISOLATED, JOBS, job_requests, starts
from policies.breaks import in_task
from policies.control import ACCOUNT, Control
from policies.kit import machine_text
from policies.plan import Plan, Resource


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    roles = {role.values.get("arn") for role in plan.of("aws_iam_role")}
    for name, request in job_requests(machine, *ISOLATED):
        role = request.get("RoleArn") or request.get("ExecutionRoleArn")
        if role not in roles:
            yield f"state {name}: RoleArn {role} is no role of this environment"


CONTROL = Control(
    title="The role of a job is written down, and one of the environment's",
    severity="high",
    reason="A role out of the execution's input lets whoever starts it choose the job's rights.",
    remedy="Write the training role's ARN into the state.",
    types=("aws_sfn_state_machine",),
    sources=("WA-LEAST",),
    applies=starts(*ISOLATED),
    check=check,
    good=[
        ("aws_sfn_state_machine", {"definition": machine_text()}),
        ("aws_iam_role", {"arn": f"arn:aws:iam::{ACCOUNT}:role/train"}),
    ],
    breaks={
        "by a path too": in_task("Parameters.RoleArn\\.$", "$.role", *JOBS),
        "from input": in_task("Parameters.RoleArn", "$.role", *JOBS),
        "unknown": in_task("Parameters.RoleArn", "arn:aws:iam::999999999999:role/any", *JOBS),
        "unset": in_task("Parameters.RoleArn", None, *JOBS, gone=True),
    },
)
