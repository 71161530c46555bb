"""A notebook's volume is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(notebook: Resource, plan: Plan) -> Iterator[str]:
    if not own_key(notebook.values.get("kms_key_id"), plan):
        yield "kms_key_id is no customer-managed key of this account"


CONTROL = Control(
    title="A notebook's volume is encrypted with a key of our own",
    severity="medium",
    reason="The volume holds copies of data that left the guarded bucket.",
    remedy="Set kms_key_id to the environment's data key.",
    types=("aws_sagemaker_notebook_instance",),
    sources=("SageMaker.21",),
    unused="The environments have no notebooks.",
    check=check,
    good=[("aws_sagemaker_notebook_instance", {"kms_key_id": KEY})],
    breaks={
        "foreign": put("kms_key_id", "arn:aws:kms:eu-west-1:999999999999:key/x"),
        "none": drop("kms_key_id"),
        "AWS's": put("kms_key_id", "alias/aws/sagemaker"),
    },
)
