"""Roles use policies of their own, and none that AWS manages."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add
from policies.control import ACCOUNT, Control
from policies.iam import is_boundary
from policies.kit import BOUNDARY
from policies.plan import Plan, Resource, listed

OWN = f"arn:aws:iam::{ACCOUNT}:policy/own"
ATTACHED = {
    "aws_iam_group_policy_attachment": "policy_arn",
    "aws_iam_policy_attachment": "policy_arn",
    "aws_iam_role": "managed_policy_arns",
    "aws_iam_role_policy_attachment": "policy_arn",
    "aws_iam_role_policy_attachments_exclusive": "policy_arns",
    "aws_iam_user_policy_attachment": "policy_arn",
    "aws_ssoadmin_managed_policy_attachment": "managed_policy_arn",
}


def check(attachment: Resource, plan: Plan) -> Iterator[str]:
    own = {policy.values.get("arn") for policy in plan.of("aws_iam_policy") if not is_boundary(policy, plan)}
    for arn in listed(attachment.values.get(ATTACHED[attachment.type])):
        if str(arn).startswith("arn:aws:iam::aws:"):
            yield f"{arn} is attached"
        elif arn not in own:
            yield f"{arn} is attached, and is no policy that is judged here"


CONTROL = Control(
    title="Roles use policies of their own, and none that AWS manages",
    severity="high",
    reason="AmazonSageMakerFullAccess and its like grant hundreds of actions on everything, and AWS widens them.",
    remedy="Write the role's own statements.",
    types=tuple(ATTACHED),
    sources=("IAM.1", "IAM.27", "ML-FULLACCESS"),
    check=check,
    applies=lambda attachment, _: bool(attachment.values.get(ATTACHED[attachment.type])),
    good=[
        ("aws_iam_role_policy_attachment", {"role": "r", "policy_arn": OWN}),
        ("aws_iam_policy", {"name": "own", "arn": OWN}),
        ("aws_iam_role", {"name": "r"}),
    ],
    breaks={
        "full access": add(
            "aws_iam_role_policy_attachment", policy_arn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess", role="r"
        ),
        "administrator": lambda _, plan: plan.of("aws_iam_role")[0].values.update(
            managed_policy_arns=["arn:aws:iam::aws:policy/AdministratorAccess"]
        ),
        "shared": add(
            "aws_iam_policy_attachment", policy_arn="arn:aws:iam::aws:policy/AmazonS3FullAccess", roles=["r"]
        ),
        "the boundary as a grant": add("aws_iam_role_policy_attachment", policy_arn=BOUNDARY, role="r"),
        "somebody else's": add(
            "aws_iam_role_policy_attachment", policy_arn="arn:aws:iam::999999999999:policy/wide", role="r"
        ),
    },
)
