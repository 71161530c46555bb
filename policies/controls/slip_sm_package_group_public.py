"""A model package group is open to this account alone."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add
from policies.control import Control
from policies.iam import outsiders
from policies.kit import policy_text
from policies.plan import Plan, Resource, anyone, statements


def check(group: Resource, plan: Plan) -> Iterator[str]:
    name = group.values.get("model_package_group_name")
    for policy in plan.where("aws_sagemaker_model_package_group_policy", model_package_group_name=name):
        for statement in statements(policy.values.get("resource_policy"), "Allow"):
            if anyone(statement) or outsiders(statement, plan):
                yield f"its policy lets in {statement.get('Principal')}"


CONTROL = Control(
    title="A model package group is open to this account alone",
    severity="high",
    reason="Whoever can read the group can copy the models; whoever can write can offer one for approval.",
    remedy="Remove the group's resource policy, or name principals of this account.",
    types=("aws_sagemaker_model_package_group",),
    sources=("ML-PUBLIC",),
    check=check,
    good=[("aws_sagemaker_model_package_group", {"model_package_group_name": "g"})],
    breaks={
        "public": lambda group, plan: add(
            "aws_sagemaker_model_package_group_policy",
            model_package_group_name=group.values["model_package_group_name"],
            resource_policy=policy_text({"Effect": "Allow", "Principal": "*", "Action": "sagemaker:*"}),
        )(group, plan),
        "a role that holds our number": lambda group, plan: add(
            "aws_sagemaker_model_package_group_policy",
            model_package_group_name=group.values["model_package_group_name"],
            resource_policy=policy_text(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::999999999999:role/111122223333"},
                    "Action": "sagemaker:DescribeModelPackage",
                }
            ),
        )(group, plan),
        "other account": lambda group, plan: add(
            "aws_sagemaker_model_package_group_policy",
            model_package_group_name=group.values["model_package_group_name"],
            resource_policy=policy_text(
                {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sagemaker:*"}
            ),
        )(group, plan),
    },
)
