"""State machines use integrations that the controls can read."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import in_document
from policies.control import Control
from policies.kit import JOBS, machine_text
from policies.plan import Plan, Resource, called, tasks

# The controls of jobs judge these whatever the integration; registering a model hands nothing over.
UNDERSTOOD = (*JOBS, "sagemaker:createModelPackage")


def check(machine: Resource, _: Plan) -> Iterator[str]:
    for name, state in tasks(machine):
        resource = str(state.get("Resource"))
        if (":aws-sdk:" in resource and called(state) not in UNDERSTOOD) or ":http:" in resource:
            yield f"task {name} calls {resource}"


CONTROL = Control(
    title="State machines use integrations that the controls can read",
    severity="low",
    reason="An aws-sdk or http call names any operation of any service, and the checks of jobs would not know it.",
    remedy="Use the optimised integration, or teach policies/kit.py the call.",
    types=("aws_sfn_state_machine",),
    sources=("SFN-BEST",),
    check=check,
    good=[("aws_sfn_state_machine", {"definition": machine_text()})],
    breaks={
        "sdk": in_document(
            "definition",
            lambda doc: doc["States"].update(
                Mutant={
                    "Type": "Task",
                    "Resource": "arn:aws:states:::aws-sdk:s3:deleteBucket",
                    "TimeoutSeconds": 9,
                    "Retry": [{"ErrorEquals": ["States.ALL"]}],
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Mutant"}],
                }
            ),
        ),
        "http": in_document(
            "definition",
            lambda doc: doc["States"].update(
                Mutant={
                    "Type": "Task",
                    "Resource": "arn:aws:states:::http:invoke",
                    "TimeoutSeconds": 9,
                    "Retry": [{"ErrorEquals": ["States.ALL"]}],
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Mutant"}],
                }
            ),
        ),
    },
)
