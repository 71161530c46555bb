"""State machines use integrations that the controls can read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.asl import JOBS, PACKAGE, arguments, called, tasks
from policies.breaks import in_document, in_task
from policies.control import ACCOUNT, Break, Control
from policies.kit import machine_text
from policies.plan import Plan, Resource

# What the other controls judge, or what hands nothing over but a message.
UNDERSTOOD = (*JOBS, PACKAGE, "lambda:invoke", "sns:publish", "sqs:sendMessage", "events:putEvents")
_TO = {"sns:publish": "TopicArn", "sqs:sendMessage": "QueueUrl"}


def check(machine: Resource, plan: Plan) -> Iterator[str]:
    for name, state in tasks(machine):
        resource, call = str(state.get("Resource")), called(state)
        if call not in UNDERSTOOD and ":lambda:" not in resource:
            yield f"task {name} calls {resource}"
        elif call in _TO and plan.account not in re.split("[:/]", str(arguments(state).get(_TO[call]))):
            yield f"task {name} sends to {arguments(state).get(_TO[call])}, which is not of this account"


def _calling(resource: str) -> Break:
    """One more task, with all that the controls of tasks want."""
    task = {
        "Type": "Task",
        "Resource": resource,
        "TimeoutSeconds": 9,
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Mutant"}],
    }
    return in_document("definition", lambda doc: doc["States"].update(Mutant=task))


CONTROL = Control(
    title="State machines use integrations that the controls can read",
    severity="medium",
    reason="An aws-sdk or http call names any operation of any service, and the checks of jobs would not know it.",
    remedy="Use the optimised integration, or teach policies/kit.py the call.",
    types=("aws_sfn_state_machine",),
    sources=("SFN-BEST",),
    check=check,
    good=[
        (
            "aws_sfn_state_machine",
            {
                "definition": machine_text(
                    Resource="arn:aws:states:::sns:publish",
                    Parameters={"TopicArn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:t"},
                )
            },
        )
    ],
    breaks={
        "another machine": _calling("arn:aws:states:::states:startExecution.sync:2"),
        "an activity": _calling("arn:aws:states:eu-west-1:111122223333:activity:somebody"),
        "somebody else's topic": in_task("Parameters.TopicArn", "arn:aws:sns:eu-west-1:999999999999:t", "sns:publish"),
        "endpoint": _calling("arn:aws:states:::sagemaker:createEndpointConfig"),
        "sdk": _calling("arn:aws:states:::aws-sdk:s3:deleteBucket"),
        "http": _calling("arn:aws:states:::http:invoke"),
    },
)
