"""Nothing is allowed by exception."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import in_document
from policies.control import Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, role_statements


def check(policy: Resource, _: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        yield from (
            f"{statement.get('Sid')} allows by {key}" for key in ("NotAction", "NotResource") if key in statement
        )


CONTROL = Control(
    title="Nothing is allowed by exception",
    severity="high",
    reason="Allow with NotAction or NotResource grants everything that nobody thought of.",
    remedy="Name actions and resources.",
    types=("aws_iam_role_policy", "aws_iam_policy"),
    sources=("WA-LEAST",),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {"policy": policy_text({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:b"})},
        )
    ],
    breaks={
        "action": in_document(
            "policy",
            lambda doc: doc["Statement"].append(
                {"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::b"}
            ),
        ),
        "resource": in_document(
            "policy",
            lambda doc: doc["Statement"].append(
                {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::b"}
            ),
        ),
    },
)
