"""A log is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(group: Resource, plan: Plan) -> Iterator[str]:
    if not own_key(group.values.get("kms_key_id"), plan):
        yield "kms_key_id is no key of this account"


CONTROL = Control(
    title="A log is encrypted with a key of our own",
    severity="medium",
    reason="Logs hold names, errors and, by mistake, data.",
    remedy="Set kms_key_id to the environment's logs key.",
    types=("aws_cloudwatch_log_group",),
    sources=("LOG-KMS",),
    check=check,
    good=[("aws_cloudwatch_log_group", {"kms_key_id": KEY})],
    breaks={
        "AWS's": put("kms_key_id", "arn:aws:kms:eu-west-1:111122223333:alias/aws/logs"),
        "none": drop("kms_key_id"),
        "foreign": put("kms_key_id", "arn:aws:kms:eu-west-1:999999999999:key/x"),
    },
)
