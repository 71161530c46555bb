"""Nothing is allowed by exception."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant_in, in_document
from policies.control import Control
from policies.iam import IDENTITIES, role_statements
from policies.kit import policy_text
from policies.plan import Plan, Resource


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
    types=IDENTITIES,
    sources=("WA-LEAST",),
    applies=lambda policy, _: bool(role_statements(policy)),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {"policy": policy_text({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/x"})},
        )
    ],
    breaks={
        "action": in_document(
            "policy",
            lambda doc: doc["Statement"].append(
                {"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::b/x"}
            ),
        ),
        "resource": in_document(
            "policy",
            lambda doc: doc["Statement"].append(
                {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::b/x"}
            ),
        ),
        "inside the role": grant_in("aws_iam_role", None, "arn:aws:s3:::b/x", NotAction=["iam:*", "sts:*"]),
    },
)
