"""An action that knows resources names them."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import Control
from policies.kit import NO_RESOURCE, policy_text
from policies.plan import Plan, Resource, actions, condition_keys, listed, role_statements


def check(policy: Resource, _: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        if "*" not in listed(statement.get("Resource")):
            continue
        for action in actions(statement):
            denied = action.startswith("ec2:") and _only_for_the_service(policy, action)
            known = action.endswith("*") or action.startswith(("kms:", "iam:")) or action == "*"
            if not (NO_RESOURCE.fullmatch(action) or denied or known):
                yield f"{statement.get('Sid')} allows {action} on every resource"


def _only_for_the_service(policy: Resource, action: str) -> bool:
    """Whether the same policy denies the action to the function's own code, so that only Lambda itself may do it."""
    return any(
        action in actions(statement) and "lambda:sourcefunctionarn" in condition_keys(statement)
        for statement in role_statements(policy, "Deny")
    )


CONTROL = Control(
    title="An action that knows resources names them",
    severity="high",
    reason="On * a role reaches what belongs to other workloads.",
    remedy="Name the ARNs; for an action without resources add it to NO_RESOURCE in policies/kit.py.",
    types=("aws_iam_role_policy",),
    sources=("WA-LEAST",),
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {"policy": policy_text({"Effect": "Allow", "Action": ["xray:PutTraceSegments"], "Resource": "*"})},
        )
    ],
    breaks={
        "read": grant("s3:GetObject"),
        "invoke": grant("sagemaker:InvokeEndpoint"),
        "publish": grant(["sns:Publish"]),
    },
)
