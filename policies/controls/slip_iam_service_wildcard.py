"""No role may do everything that a service offers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.breaks import grant, grant_in
from policies.control import ACCOUNT, REGION, Control
from policies.iam import IDENTITIES, role_statements
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions


def check(policy: Resource, _: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        for action in actions(statement):
            service, _colon, verb = action.partition(":")
            if "*" in service or "?" in service or not re.sub(r"[*?]", "", verb):
                yield f"{statement.get('Sid')} allows {action}"


CONTROL = Control(
    title="No role may do everything that a service offers",
    severity="high",
    reason="service:* grants what AWS will add tomorrow, and always deletion and policy changes.",
    remedy="Name the actions.",
    types=IDENTITIES,
    sources=("IAM.1", "IAM.21"),
    applies=lambda policy, _: bool(role_statements(policy)),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {"policy": policy_text({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/x"})},
        )
    ],
    breaks={
        "s3": grant("s3:*", "arn:aws:s3:::b/x"),
        "all": grant("*", "arn:aws:s3:::b/x"),
        "sagemaker": grant(["sagemaker:*"], f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/e"),
        "with more signs": grant("s3:**", "arn:aws:s3:::b/x"),
        "one letter at least": grant("s3:?*", "arn:aws:s3:::b/x"),
        "in a managed policy": grant_in("aws_iam_policy", "s3:*", "arn:aws:s3:::b/x"),
        "inside the role": grant_in("aws_iam_role", "s3:*", "arn:aws:s3:::b/x"),
    },
)
