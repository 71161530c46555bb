"""A topic is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(topic: Resource, plan: Plan) -> Iterator[str]:
    if not own_key(topic.values.get("kms_master_key_id"), plan):
        yield "kms_master_key_id is no customer-managed key of this account"


CONTROL = Control(
    title="A topic is encrypted with a key of our own",
    severity="medium",
    reason="Messages name images and errors. CloudWatch cannot publish into a topic under AWS's own key.",
    remedy="Set kms_master_key_id to the environment's messages key.",
    types=("aws_sns_topic",),
    sources=("SNS.1",),
    check=check,
    good=[("aws_sns_topic", {"kms_master_key_id": KEY})],
    breaks={
        "foreign": put("kms_master_key_id", "arn:aws:kms:eu-west-1:999999999999:key/x"),
        "none": drop("kms_master_key_id"),
        "AWS's": put("kms_master_key_id", "alias/aws/sns"),
    },
)
