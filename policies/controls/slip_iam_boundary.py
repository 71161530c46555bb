"""Every role has the account's permissions boundary."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import ACCOUNT, Control
from policies.kit import BOUNDARY, policy_text
from policies.plan import BOOTSTRAP, Plan, Resource


def check(role: Resource, plan: Plan) -> Iterator[str]:
    boundary = str(role.values.get("permissions_boundary"))
    account, _, name = boundary.partition(":policy/")
    judged = {policy.values.get("name") for policy in plan.of("aws_iam_policy")}
    if account != f"arn:aws:iam::{plan.account}" or not name.endswith("boundary") or name not in judged:
        yield f"permissions_boundary {boundary} is not the boundary that is judged here"


CONTROL = Control(
    title="Every role has the account's permissions boundary",
    severity="high",
    reason="The boundary is what keeps a role small when its own policy is wrong, and holds the denials for jobs. "
    "The bootstrap's own roles are exempt: the boundary forbids what they are for.",
    remedy="Hand boundary_arn to the module.",
    types=("aws_iam_role",),
    applies=lambda _, plan: plan.environment != BOOTSTRAP,
    sources=("IAM-BOUNDARY",),
    check=check,
    good=[
        ("aws_iam_role", {"permissions_boundary": BOUNDARY}),
        (
            "aws_iam_policy",
            {"name": "slipway-boundary", "policy": policy_text({"Effect": "Deny", "Action": "iam:*", "Resource": "*"})},
        ),
    ],
    breaks={
        "none": drop("permissions_boundary"),
        "foreign": put("permissions_boundary", "arn:aws:iam::999999999999:policy/slipway-boundary"),
        "AWS's": put("permissions_boundary", "arn:aws:iam::aws:policy/PowerUserAccess"),
        "another policy": put("permissions_boundary", f"arn:aws:iam::{ACCOUNT}:policy/wide"),
    },
)
