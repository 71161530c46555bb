"""A service may take a role for this account only."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement
from policies.control import Control
from policies.kit import TRUST
from policies.plan import Plan, Resource, conditions, services, statements


def check(role: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(role.values.get("assume_role_policy"), "Allow"):
        if not services(statement):
            continue
        found = conditions(statement)
        account = found.get(("stringequals", "aws:sourceaccount")) == [plan.account]
        arns = [value for (_, key), values in found.items() if key == "aws:sourcearn" for value in values]
        if not account and not (arns and all(f":{plan.account}:" in arn for arn in arns)):
            yield f"{', '.join(services(statement))} may take the role for another account"


CONTROL = Control(
    title="A service may take a role for this account only",
    severity="high",
    reason="Without the source a service can be made to act with our role for somebody else: the confused deputy.",
    remedy="Add a condition on aws:SourceAccount or aws:SourceArn to the trust.",
    types=("aws_iam_role",),
    sources=("IAM-DEPUTY",),
    check=check,
    good=[("aws_iam_role", {"assume_role_policy": TRUST})],
    breaks={
        "none": each_statement(lambda s: s.pop("Condition", None), attribute="assume_role_policy"),
        "other account": each_statement(
            lambda s: s.update(Condition={"StringEquals": {"aws:SourceAccount": "999999999999"}}),
            attribute="assume_role_policy",
        ),
        "any account": each_statement(
            lambda s: s.update(Condition={"StringLike": {"aws:SourceAccount": "*"}}), attribute="assume_role_policy"
        ),
    },
)
