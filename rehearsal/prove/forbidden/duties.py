"""Separation of duties: who trains does not approve, who approves does not train, and who plans changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rehearsal.prove.forbidden.attempt import Attempt
from rehearsal.prove.forbidden.world import WORKFLOWS, World

STARTED_BY = {"classify": "-classify", "uploads": "-assess"}
"""Kind of role -> machines that it starts: its own children, and what an upload calls for."""

ASK_MODELS = ("assess-claim", "classify-image", "classify-upload")


def approvals(world: World) -> Iterator[Attempt]:
    """A model approved by anybody but the approver, the one who trained it and the pipeline above all."""
    package = world.arn("sagemaker", f"model-package/{world.group}/1")
    for role in world.but("approver"):
        parameters = {"ModelPackageArn": package, "ModelApprovalStatus": "Approved"}
        yield Attempt("other duty", role, "sagemaker", "UpdateModelPackage", parameters)


def starts(world: World) -> Iterator[Attempt]:
    """A state machine started, a function or the endpoint called, by whoever has no business with it."""
    for role in world.but("operator"):
        for machine in world.machines:
            if machine.endswith(STARTED_BY.get(world.kind(role), " ")):
                continue
            yield Attempt("other duty", role, "stepfunctions", "StartExecution", {"stateMachineArn": machine})
    for role in world.but("operator", *ASK_MODELS):
        request = {"EndpointName": world.endpoint, "ContentType": "image/png", "Body": b"image"}
        yield Attempt("other duty", role, "sagemaker-runtime", "InvokeEndpoint", request)
    for role in world.but(*WORKFLOWS):
        request = {"FunctionName": world.functions[0], "Payload": json.dumps({}).encode()}
        yield Attempt("other duty", role, "lambda", "Invoke", request)


def versions(world: World) -> Iterator[Attempt]:
    """A model put into the registry by anybody but the retraining."""
    for role in world.but("retrain"):
        request = {"ModelPackageGroupName": world.group, "ModelApprovalStatus": "PendingManualApproval"}
        yield Attempt("other duty", role, "sagemaker", "CreateModelPackage", request)
