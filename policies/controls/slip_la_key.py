"""A function's settings are encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(function: Resource, plan: Plan) -> Iterator[str]:
    if not own_key(function.values.get("kms_key_arn"), plan):
        yield "kms_key_arn is no customer-managed key of this account"


CONTROL = Control(
    title="A function's settings are encrypted with a key of our own",
    severity="medium",
    reason="Environment variables are readable for whoever may describe the function, unless the key is ours.",
    remedy="Set kms_key_arn to the environment's data key.",
    types=("aws_lambda_function",),
    sources=("LA-ENV",),
    applies=lambda function, _: bool(function.block("environment").get("variables")),
    check=check,
    good=[("aws_lambda_function", {"environment": [{"variables": {"A": "b"}}], "kms_key_arn": KEY})],
    breaks={
        "none": drop("kms_key_arn"),
        "AWS's": put("kms_key_arn", "alias/aws/lambda"),
        "foreign": put("kms_key_arn", "arn:aws:kms:eu-west-1:999999999999:key/x"),
    },
)
