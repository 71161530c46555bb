"""A bucket's policy lets in nobody of another account."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import ACCOUNT, Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, anyone, conditions, services, statements


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(policy.values.get("policy"), "Allow"):
        principal = statement.get("Principal")
        scoped = any(plan.account in str(values) for values in conditions(statement).values())
        if anyone(statement) or (services(statement) and not scoped):
            yield f"{statement.get('Sid')} lets in {principal}"
        elif not services(statement) and plan.account not in str(principal):
            yield f"{statement.get('Sid')} lets in {principal}, of another account"


CONTROL = Control(
    title="A bucket's policy lets in nobody of another account",
    severity="critical",
    reason="One Allow in a bucket's policy shares all of it.",
    remedy="Name roles of this account, and condition services on aws:SourceAccount.",
    types=("aws_s3_bucket_policy",),
    sources=("S3.6", "S3.2", "S3.3"),
    check=check,
    good=[
        (
            "aws_s3_bucket_policy",
            {
                "policy": policy_text(
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "logging.s3.amazonaws.com"},
                        "Action": "s3:PutObject",
                        "Resource": "arn:b/*",
                        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
                    }
                )
            },
        )
    ],
    breaks={
        "public": grant("s3:GetObject", Principal="*"),
        "account": grant("s3:GetObject", Principal={"AWS": "arn:aws:iam::999999999999:root"}),
        "any account's logs": grant("s3:PutObject", Principal={"Service": "logging.s3.amazonaws.com"}),
    },
)
