"""Whoever manages a key does not use it."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant, in_document
from policies.control import ACCOUNT, Control
from policies.iam import may
from policies.kit import policy_text
from policies.plan import Plan, Resource, statements

BOTH = ("kms:putkeypolicy", "kms:decrypt")


def check(key: Resource, _: Plan) -> Iterator[str]:
    for statement in statements(key.values.get("policy"), "Allow"):
        if len(may(statement, BOTH)) == len(BOTH):
            yield f"{statement.get('Sid')} allows to manage the key and to use it"


CONTROL = Control(
    title="Whoever manages a key does not use it",
    severity="high",
    reason="kms:* for the account's root lets every administrator decrypt all data, and every IAM policy grant it.",
    remedy="Separate administration from use, as modules/keys does.",
    types=("aws_kms_key",),
    sources=("KMS-SPLIT",),
    check=check,
    good=[
        (
            "aws_kms_key",
            {
                "policy": policy_text(
                    {
                        "Effect": "Allow",
                        "Action": "kms:DescribeKey",
                        "Resource": "*",
                        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                    }
                )
            },
        )
    ],
    breaks={
        "both by name": grant(["kms:PutKeyPolicy", "kms:Decrypt"], Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/a"}),
        "by exception": grant(None, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/a"}, NotAction="iam:*"),
        "all": in_document(
            "policy",
            lambda doc: doc["Statement"].append(
                {
                    "Sid": "Mutant",
                    "Effect": "Allow",
                    "Action": "kms:*",
                    "Resource": "*",
                    "Principal": {"AWS": doc["Statement"][0]["Principal"]["AWS"]},
                }
            ),
        ),
        "everything": in_document(
            "policy",
            lambda doc: doc["Statement"].append(
                {
                    "Sid": "Mutant",
                    "Effect": "Allow",
                    "Action": ["*"],
                    "Resource": "*",
                    "Principal": {"AWS": doc["Statement"][0]["Principal"]["AWS"]},
                }
            ),
        ),
    },
)
