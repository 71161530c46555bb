"""A pipeline takes a role for its own repository only."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement
from policies.control import ACCOUNT, Control
from policies.iam import account_of, demanded, principals
from policies.kit import policy_text
from policies.plan import Plan, Resource, conditions, statements

GITHUB = "token.actions.githubusercontent.com"


def _federated(role: Resource) -> bool:
    found = statements(role.values.get("assume_role_policy"), "Allow")
    return any(isinstance(s.get("Principal"), dict) and s["Principal"].get("Federated") for s in found)


def check(role: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(role.values.get("assume_role_policy"), "Allow"):
        for kind, value in principals(statement):
            if kind != "Federated":
                continue
            if account_of(value) != plan.account or ":oidc-provider/" not in value:
                yield f"{value} is no OIDC provider of this account"
            provider = value.partition(":oidc-provider/")[2].lower()
            subjects = conditions(statement).get(("stringequals", f"{provider}:sub"), [])
            if not subjects or any("*" in subject or "?" in subject for subject in subjects):
                yield "any job of anybody's repository may take the role"
            if not demanded(statement, f"{provider}:aud"):
                yield "a token made for another audience is taken"


CONTROL = Control(
    title="A pipeline takes a role for its own repository only",
    severity="critical",
    reason="The provider signs tokens for every repository on GitHub: the subject alone tells ours.",
    remedy="Add StringEquals on the provider's sub and aud, without wildcards.",
    types=("aws_iam_role",),
    sources=("IAM-DEPUTY", "IAM-OIDC"),
    applies=lambda role, _: _federated(role),
    check=check,
    good=[
        (
            "aws_iam_role",
            {
                "assume_role_policy": policy_text(
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRoleWithWebIdentity",
                        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"},
                        "Condition": {
                            "StringEquals": {
                                f"{GITHUB}:aud": "sts.amazonaws.com",
                                f"{GITHUB}:sub": "repo:example/slipway:environment:prod",
                            }
                        },
                    }
                )
            },
        )
    ],
    breaks={
        "anybody": each_statement(
            lambda s: s["Condition"]["StringEquals"].pop(f"{GITHUB}:sub"),
            lambda s: "Federated" in str(s),
            "assume_role_policy",
        ),
        "any branch": each_statement(
            lambda s: s.update(
                Condition={
                    "StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"},
                    "StringLike": {f"{GITHUB}:sub": "repo:example/slipway:*"},
                }
            ),
            lambda s: "Federated" in str(s),
            "assume_role_policy",
        ),
        "any audience": each_statement(
            lambda s: s["Condition"]["StringEquals"].pop(f"{GITHUB}:aud"),
            lambda s: "Federated" in str(s),
            "assume_role_policy",
        ),
        "a provider elsewhere": each_statement(
            lambda s: s["Principal"].update(Federated=f"arn:aws:iam::999999999999:oidc-provider/{GITHUB}"),
            lambda s: "Federated" in str(s),
            "assume_role_policy",
        ),
    },
)
