"""A queue is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(queue: Resource, plan: Plan) -> Iterator[str]:
    if not own_key(queue.values.get("kms_master_key_id"), plan):
        yield "kms_master_key_id is no customer-managed key of this account"


CONTROL = Control(
    title="A queue is encrypted with a key of our own",
    severity="medium",
    reason="Dead letters are requests that failed, in full.",
    remedy="Set kms_master_key_id to the environment's messages key.",
    types=("aws_sqs_queue",),
    sources=("SQS.1",),
    check=check,
    good=[("aws_sqs_queue", {"kms_master_key_id": KEY})],
    breaks={
        "foreign": put("kms_master_key_id", "arn:aws:kms:eu-west-1:999999999999:key/x"),
        "none": drop("kms_master_key_id"),
        "AWS's": put("kms_master_key_id", "alias/aws/sqs"),
    },
)
