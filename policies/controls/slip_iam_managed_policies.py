"""No role uses a policy that AWS manages."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add, put
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(role: Resource, plan: Plan) -> Iterator[str]:
    attached = listed(role.values.get("managed_policy_arns"))
    for kind in ("aws_iam_role_policy_attachment", "aws_iam_policy_attachment"):
        for other in plan.of(kind):
            if role.values.get("name") in [other.values.get("role"), *listed(other.values.get("roles"))]:
                attached.append(other.values.get("policy_arn"))
    yield from (f"{arn} is attached" for arn in attached if str(arn).startswith("arn:aws:iam::aws:"))


CONTROL = Control(
    title="No role uses a policy that AWS manages",
    severity="high",
    reason="AmazonSageMakerFullAccess and its like grant hundreds of actions on everything, and AWS widens them.",
    remedy="Write the role's own statements.",
    types=("aws_iam_role",),
    sources=("IAM.1", "ML-FULLACCESS"),
    check=check,
    good=[("aws_iam_role", {"name": "r"})],
    breaks={
        "full access": lambda role, plan: add(
            "aws_iam_role_policy_attachment",
            role=role.values["name"],
            policy_arn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
        )(role, plan),
        "administrator": put("managed_policy_arns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        "shared": lambda role, plan: add(
            "aws_iam_policy_attachment",
            roles=[role.values["name"]],
            policy_arn="arn:aws:iam::aws:policy/AmazonS3FullAccess",
        )(role, plan),
    },
)
