"""A role reaches into this account only."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import REGION, Control
from policies.iam import IDENTITIES, account_of, grants, resources, role_statements
from policies.kit import policy_text
from policies.plan import Plan, Resource

GLOBAL = ("route53", "s3")  # their ARNs name no account


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        for arn in resources(statement):
            if not arn.startswith("arn:"):
                continue
            if arn.split(":")[2] not in GLOBAL and account_of(arn) != plan.account:
                yield f"{statement.get('Sid')} reaches {arn}"


CONTROL = Control(
    title="A role reaches into this account only",
    severity="high",
    reason="A grant on another account's queue, key or role is a way out for data, once that account agrees.",
    remedy="Write this account's id into the ARN, and no wildcard in its place.",
    types=IDENTITIES,
    sources=("WA-LEAST",),
    applies=grants,
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {"policy": policy_text({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/x"})},
        )
    ],
    breaks={
        "another account": grant("sqs:SendMessage", f"arn:aws:sqs:{REGION}:999999999999:q"),
        "any account": grant("sqs:SendMessage", f"arn:aws:sqs:{REGION}:*:slipway-q"),
        "no account": grant("sns:Publish", f"arn:aws:sns:{REGION}::slipway-t"),
    },
)
