"""A registry is open to this account alone."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add
from policies.control import Control
from policies.iam import outsiders
from policies.kit import policy_text
from policies.plan import Plan, Resource, anyone, statements


def check(repository: Resource, plan: Plan) -> Iterator[str]:
    for policy in plan.where("aws_ecr_repository_policy", repository=repository.values.get("name")):
        for statement in statements(policy.values.get("policy"), "Allow"):
            if anyone(statement) or outsiders(statement, plan):
                yield f"its policy lets in {statement.get('Principal')}"


CONTROL = Control(
    title="A registry is open to this account alone",
    severity="high",
    reason="Whoever can pull has the code; whoever can push decides what runs.",
    remedy="Remove the repository's policy, or name principals of this account.",
    types=("aws_ecr_repository",),
    sources=("ML-PUBLIC",),
    check=check,
    good=[("aws_ecr_repository", {"name": "r"})],
    breaks={
        "public": lambda r, plan: add(
            "aws_ecr_repository_policy",
            repository=r.values["name"],
            policy=policy_text({"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}),
        )(r, plan),
        "a service of any account": lambda r, plan: add(
            "aws_ecr_repository_policy",
            repository=r.values["name"],
            policy=policy_text(
                {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "ecr:BatchGetImage"}
            ),
        )(r, plan),
        "account": lambda r, plan: add(
            "aws_ecr_repository_policy",
            repository=r.values["name"],
            policy=policy_text(
                {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "ecr:PutImage"}
            ),
        )(r, plan),
    },
)
