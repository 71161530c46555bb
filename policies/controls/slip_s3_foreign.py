"""A bucket's policy lets in nobody of another account."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import ACCOUNT, Control
from policies.iam import outsiders
from policies.kit import policy_text
from policies.plan import Plan, Resource, anyone, statements


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(policy.values.get("policy"), "Allow"):
        if anyone(statement):
            yield f"{statement.get('Sid')} lets in everybody"
        elif found := outsiders(statement, plan):
            yield f"{statement.get('Sid')} lets in {', '.join(found)}"


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
        "a role that holds our number": grant(
            "s3:GetObject", Principal={"AWS": f"arn:aws:iam::999999999999:role/{ACCOUNT}"}
        ),
        "somebody among others": grant("s3:GetObject", Principal={"AWS": [f"arn:aws:iam::{ACCOUNT}:role/a", "*"]}),
        "all but one": grant("s3:GetObject", NotPrincipal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/a"}),
        "a service whose source is not ours": grant(
            "s3:PutObject",
            Principal={"Service": "logging.s3.amazonaws.com"},
            Condition={"StringNotEquals": {"aws:SourceAccount": ACCOUNT}},
        ),
        "any account's logs": grant("s3:PutObject", Principal={"Service": "logging.s3.amazonaws.com"}),
    },
)
