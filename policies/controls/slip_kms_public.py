"""A key is open to this account alone."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import ACCOUNT, Control
from policies.iam import account_of, principals
from policies.kit import policy_text
from policies.plan import Plan, Resource, anyone, statements


def check(key: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(key.values.get("policy"), "Allow"):
        if anyone(statement):
            yield f"{statement.get('Sid')} lets in everybody"
            continue
        for kind, value in principals(statement):
            if kind != "Service" and account_of(value) != plan.account:
                yield f"{statement.get('Sid')} lets in {value}"


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
        "a role that holds our number": grant(
            "kms:DescribeKey", Principal={"AWS": f"arn:aws:iam::999999999999:role/{ACCOUNT}"}
        ),
        "all but one": grant("kms:DescribeKey", NotPrincipal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/a"}),
        "account": grant("kms:DescribeKey", Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    },
)
