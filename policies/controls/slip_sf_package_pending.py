"""A state machine registers models for approval, and approves none."""

from __future__ import annotations

from collections.abc import Iterator

from policies.asl import PACKAGE, arguments, starts, tasks
from policies.breaks import in_task
from policies.control import Control
from policies.kit import machine_text
from policies.plan import Plan, Resource


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, state in tasks(machine, PACKAGE):
        status = arguments(state).get("ModelApprovalStatus")
        if status != "PendingManualApproval":
            yield f"state {name}: ModelApprovalStatus is {status}"


CONTROL = Control(
    title="A state machine registers models for approval, and approves none",
    severity="high",
    reason="Who trains must not approve: otherwise whoever may start the machine decides what serves.",
    remedy="Write ModelApprovalStatus: PendingManualApproval into the state; a value from the input does not count.",
    types=("aws_sfn_state_machine",),
    sources=("ML-REGISTRY",),
    applies=starts(PACKAGE),
    check=check,
    good=[
        (
            "aws_sfn_state_machine",
            {
                "definition": machine_text(
                    Resource="arn:aws:states:::aws-sdk:sagemaker:createModelPackage",
                    Parameters={"ModelApprovalStatus": "PendingManualApproval"},
                )
            },
        )
    ],
    breaks={
        "approved": in_task("Parameters.ModelApprovalStatus", "Approved", PACKAGE),
        "unset": in_task("Parameters.ModelApprovalStatus", None, PACKAGE, gone=True),
        "from input": in_task("Parameters.ModelApprovalStatus\\.$", "$.status", PACKAGE),
    },
)
