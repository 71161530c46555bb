"""A key is open to this account alone."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import ACCOUNT, Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, anyone, services, statements


def check(key: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(key.values.get("policy"), "Allow"):
        if anyone(statement):
            yield f"{statement.get('Sid')} lets in everybody"
        elif not services(statement) and plan.account not in str(statement.get("Principal")):
            yield f"{statement.get('Sid')} lets in {statement.get('Principal')}"


CONTROL = Control(
    title="A key is open to this account alone",
    severity="critical",
    reason="A key that others may use encrypts nothing against them.",
    remedy="Name principals of this account.",
    types=("aws_kms_key",),
    sources=("KMS.5",),
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
        "public": grant("kms:DescribeKey", Principal="*"),
        "any": grant("kms:DescribeKey", Principal={"AWS": "*"}),
        "account": grant("kms:DescribeKey", Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    },
)
