"""A role may be passed on by name, to a named service."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement
from policies.control import ACCOUNT, Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions, conditions, listed, role_statements


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        if "iam:passrole" not in actions(statement):
            continue
        prefix = f"arn:aws:iam::{plan.account}:role/"
        for arn in listed(statement.get("Resource")):
            if not str(arn).startswith(prefix) or "*" in str(arn).removesuffix("*") or arn in (prefix, prefix + "*"):
                yield f"{statement.get('Sid')} passes {arn}"
            elif str(arn).endswith("*") and policy.type != "aws_iam_policy":
                yield f"{statement.get('Sid')} passes {arn}: name the role"
        receivers = conditions(statement).get(("stringequals", "iam:passedtoservice"))
        if not receivers or any("*" in receiver for receiver in receivers):
            yield f"{statement.get('Sid')} passes roles to any service"


CONTROL = Control(
    title="A role may be passed on by name, to a named service",
    severity="critical",
    reason="Whoever may pass any role to any service can have the rights of the strongest role of the account.",
    remedy="Name the role's ARN and add StringEquals on iam:PassedToService.",
    types=("aws_iam_role_policy", "aws_iam_policy"),
    sources=("IAM-PASSROLE",),
    applies=lambda policy, _: any("passrole" in action for s in role_statements(policy) for action in actions(s)),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {
                "policy": policy_text(
                    {
                        "Effect": "Allow",
                        "Action": "iam:PassRole",
                        "Resource": f"arn:aws:iam::{ACCOUNT}:role/train",
                        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
                    }
                )
            },
        )
    ],
    breaks={
        "any role": each_statement(lambda s: s.update(Resource="*"), lambda s: "PassRole" in str(s.get("Action"))),
        "any service": each_statement(lambda s: s.pop("Condition"), lambda s: "PassRole" in str(s.get("Action"))),
        "like": each_statement(
            lambda s: s.update(Condition={"StringLike": {"iam:PassedToService": "*"}}),
            lambda s: "PassRole" in str(s.get("Action")),
        ),
    },
)
