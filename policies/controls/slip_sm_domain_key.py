"""A Studio domain's file system is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(domain: Resource, plan: Plan) -> Iterator[str]:
    if not own_key(domain.values.get("kms_key_id"), plan):
        yield "kms_key_id is no customer-managed key of this account"


CONTROL = Control(
    title="A Studio domain's file system is encrypted with a key of our own",
    severity="medium",
    reason="The shared file system holds everybody's copies of data.",
    remedy="Set kms_key_id to the environment's data key.",
    types=("aws_sagemaker_domain",),
    sources=("ML-KMS",),
    unused="The environments have no Studio domain.",
    check=check,
    good=[("aws_sagemaker_domain", {"kms_key_id": KEY})],
    breaks={
        "foreign": put("kms_key_id", "arn:aws:kms:eu-west-1:999999999999:key/x"),
        "none": drop("kms_key_id"),
        "AWS's": put("kms_key_id", "alias/aws/elasticfilesystem"),
    },
)
