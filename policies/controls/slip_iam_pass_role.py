"""A role may be passed on by name, to a named service."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, grant, grant_in
from policies.control import ACCOUNT, Control
from policies.iam import IDENTITIES, is_boundary, may, resources, role_statements
from policies.kit import policy_text
from policies.plan import Plan, Resource, Statement, conditions

PASS = ("iam:passrole",)
TRAIN = f"arn:aws:iam::{ACCOUNT}:role/train"
TO_SAGEMAKER = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def passes(statement: Statement) -> bool:
    """Whether a statement is about PassRole and not about all of IAM, of which other controls tell."""
    return "NotAction" not in statement and bool(may(statement, PASS)) and not may(statement, ["iam:anything else"])


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    prefix = f"arn:aws:iam::{plan.account}:role/"
    for statement in filter(passes, role_statements(policy)):
        for arn in resources(statement):
            name = arn.removeprefix(prefix)
            if name == arn or not name.strip("*?/"):
                yield f"{statement.get('Sid')} passes {arn}"
            elif ("*" in name or "?" in name) and not _for_all_of_a_project(policy, plan, name):
                yield f"{statement.get('Sid')} passes {arn}: name the role"
        receivers = conditions(statement).get(("stringequals", "iam:passedtoservice"))
        if not receivers or any("*" in receiver for receiver in receivers):
            yield f"{statement.get('Sid')} passes roles to any service"


def _for_all_of_a_project(policy: Resource, plan: Plan, name: str) -> bool:
    """Whether the pattern is a ceiling's, or the pipeline's, that passes on every role it makes."""
    ceiling = is_boundary(policy, plan) or policy.address.startswith("aws_iam_policy.ci[")
    return ceiling and name.count("*") == 1 and name.endswith("-*")


CONTROL = Control(
    title="A role may be passed on by name, to a named service",
    severity="critical",
    reason="Whoever may pass any role to any service can have the rights of the strongest role of the account.",
    remedy="Name the role's ARN and add StringEquals on iam:PassedToService.",
    types=IDENTITIES,
    sources=("IAM-PASSROLE",),
    applies=lambda policy, _: any(map(passes, role_statements(policy))),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {
                "policy": policy_text(
                    {"Effect": "Allow", "Action": "iam:PassRole", "Resource": TRAIN, "Condition": TO_SAGEMAKER}
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
        "only if there": each_statement(
            lambda s: s.update(Condition={"StringEqualsIfExists": {"iam:PassedToService": "sagemaker.amazonaws.com"}}),
            lambda s: "PassRole" in str(s.get("Action")),
        ),
        "by a pattern of the action": grant("iam:P*ssR*", TRAIN),
        "by a pattern of the role": grant(
            "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/train*", Condition=TO_SAGEMAKER
        ),
        "in a managed policy": grant_in("aws_iam_policy", "iam:PassRole", TRAIN),
    },
)
