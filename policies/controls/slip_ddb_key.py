"""A table is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(table: Resource, plan: Plan) -> Iterator[str]:
    encryption = table.block("server_side_encryption")
    if not encryption.get("enabled"):
        yield "server_side_encryption is not enabled: the table is under a key that AWS owns"
    elif not own_key(encryption.get("kms_key_arn"), plan):
        yield "server_side_encryption.kms_key_arn is no customer-managed key of this account"


CONTROL = Control(
    title="A table is encrypted with a key of our own",
    severity="high",
    reason="DynamoDB opens a table in the caller's name: with a key of our own, whoever may not use it reads nothing.",
    remedy="Make tables with modules/table, and give it the environment's data key.",
    types=("aws_dynamodb_table",),
    sources=("DDB-ENCRYPTION",),
    check=check,
    good=[("aws_dynamodb_table", {"server_side_encryption": [{"enabled": True, "kms_key_arn": KEY}]})],
    breaks={
        "off": put("server_side_encryption.0.enabled", False),
        "none": put("server_side_encryption", []),
        "AWS's": drop("server_side_encryption.0.kms_key_arn"),
        "foreign": put("server_side_encryption.0.kms_key_arn", "arn:aws:kms:eu-west-1:999999999999:key/x"),
    },
)
