"""Every table has a policy that lets in nobody."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put, remove
from policies.control import Control
from policies.kit import policy_text, same
from policies.plan import Plan, Resource, statements


def check(table: Resource, plan: Plan) -> Iterator[str]:
    found = plan.where("aws_dynamodb_resource_policy", resource_arn=table.values.get("arn"))
    if not found:
        yield "it has no policy"
    for policy in found:
        for statement in statements(policy.values.get("policy"), "Allow"):
            yield f"{statement.get('Sid')} lets somebody in: roles say who may use a table, its policy says who may not"


def _open(resource: Resource, plan: Plan) -> None:
    for policy in plan.where("aws_dynamodb_resource_policy", resource_arn=resource.values.get("arn")):
        public = {"Sid": "Public", "Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": "*"}
        policy.values["policy"] = policy_text(*statements(policy.values.get("policy")), public)


CONTROL = Control(
    title="Every table has a policy that lets in nobody",
    severity="high",
    reason="One Allow in a table's policy shares all of it; and where there is no policy, there is no wall.",
    remedy="Make tables with modules/table, and grant their use in the roles.",
    types=("aws_dynamodb_table",),
    sources=("WA-LEAST",),
    check=check,
    good=[
        ("aws_dynamodb_table", {"arn": "arn:t"}),
        (
            "aws_dynamodb_resource_policy",
            {
                "resource_arn": "arn:t",
                "policy": policy_text({"Effect": "Deny", "Principal": "*", "Action": "dynamodb:Scan", "Resource": "*"}),
            },
        ),
    ],
    breaks={
        "none": remove("aws_dynamodb_resource_policy", same("resource_arn", "arn")),
        "another's": put("arn", "arn:another"),
        "open": _open,
    },
)
