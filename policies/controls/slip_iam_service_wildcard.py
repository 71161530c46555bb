"""No role may do everything that a service offers."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions, role_statements


def check(policy: Resource, _: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        for action in actions(statement):
            if action == "*" or action.endswith(":*"):
                yield f"{statement.get('Sid')} allows {action}"


CONTROL = Control(
    title="No role may do everything that a service offers",
    severity="high",
    reason="service:* grants what AWS will add tomorrow, and always deletion and policy changes.",
    remedy="Name the actions.",
    types=("aws_iam_role_policy", "aws_iam_policy"),
    sources=("IAM.1", "IAM.21"),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {"policy": policy_text({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:b"})},
        )
    ],
    breaks={
        "s3": grant("s3:*", "arn:aws:s3:::b/*"),
        "all": grant("*", "arn:aws:s3:::b"),
        "sagemaker": grant(["sagemaker:*"], "arn:aws:sagemaker:eu-west-1:1:endpoint/e"),
    },
)
