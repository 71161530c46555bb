"""No workload can raise its own rights."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.breaks import grant
from policies.control import Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions, role_statements

FORBIDDEN = re.compile(
    r"(iam:(?!passrole$|get|list).*|sts:assumerole.*|organizations:.*|account:.*"
    r"|lambda:(addpermission|update.*)|kms:(putkeypolicy|schedulekeydeletion|disablekey))"
)


def check(policy: Resource, _: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        for action in actions(statement):
            if not action.endswith(":*") and FORBIDDEN.fullmatch(action):
                yield f"{statement.get('Sid')} allows {action}"


CONTROL = Control(
    title="No workload can raise its own rights",
    severity="critical",
    reason="Changing roles, policies, keys or a function's code is a way to any right of the account.",
    remedy="Leave such changes to the deploy role.",
    types=("aws_iam_role_policy",),
    sources=("WA-LEAST", "IAM-PASSROLE"),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {"policy": policy_text({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:b"})},
        )
    ],
    breaks={
        "policy": grant("iam:PutRolePolicy", "arn:aws:iam::1:role/x"),
        "assume": grant("sts:AssumeRole", "arn:aws:iam::1:role/x"),
        "code": grant("lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:1:function:f"),
    },
)
