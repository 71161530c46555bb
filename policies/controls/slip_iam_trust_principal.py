"""A role is taken by named services or roles of this account."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import in_document
from policies.control import Control
from policies.kit import TRUST
from policies.plan import Plan, Resource, anyone, listed, statements


def check(role: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(role.values.get("assume_role_policy"), "Allow"):
        principal = statement.get("Principal")
        if anyone(statement) or not isinstance(principal, dict):
            yield f"the trust names {principal}"
            continue
        for arn in listed(principal.get("AWS")):
            if f"::{plan.account}:" not in str(arn):
                yield f"the trust names {arn}, of another account"


CONTROL = Control(
    title="A role is taken by named services or roles of this account",
    severity="critical",
    reason="A trust in everybody, or in another account, hands the role over.",
    remedy="Name the service, or the role by its ARN.",
    types=("aws_iam_role",),
    sources=("IAM-DEPUTY",),
    check=check,
    good=[("aws_iam_role", {"assume_role_policy": TRUST})],
    breaks={
        "everybody": in_document(
            "assume_role_policy",
            lambda doc: doc["Statement"].append({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}),
        ),
        "any role": in_document(
            "assume_role_policy",
            lambda doc: doc["Statement"].append(
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
            ),
        ),
        "other account": in_document(
            "assume_role_policy",
            lambda doc: doc["Statement"].append(
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}
            ),
        ),
    },
)
