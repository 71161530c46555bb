"""An endpoint's volumes are encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import REGION, Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(config: Resource, plan: Plan) -> Iterator[str]:
    if not own_key(config.values.get("kms_key_arn"), plan):
        yield f"kms_key_arn {config.values.get('kms_key_arn')} is no customer-managed key of this account"


CONTROL = Control(
    title="An endpoint's volumes are encrypted with a key of our own",
    severity="medium",
    reason="The volume holds the model and what requests leave behind; our key can be watched and taken away.",
    remedy="Set kms_key_arn to the environment's model key.",
    types=("aws_sagemaker_endpoint_configuration",),
    sources=("ML-KMS",),
    check=check,
    good=[("aws_sagemaker_endpoint_configuration", {"kms_key_arn": KEY})],
    breaks={
        "none": drop("kms_key_arn"),
        "AWS's": put("kms_key_arn", "alias/aws/sagemaker"),
        "foreign": put("kms_key_arn", f"arn:aws:kms:{REGION}:999999999999:key/x"),
    },
)
