"""Every role has a permissions boundary of the account."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import BOUNDARY
from policies.plan import Plan, Resource


def check(role: Resource, plan: Plan) -> Iterator[str]:
    boundary = str(role.values.get("permissions_boundary"))
    if not boundary.startswith(f"arn:aws:iam::{plan.account}:policy/"):
        yield f"permissions_boundary is {boundary}"


CONTROL = Control(
    title="Every role has a permissions boundary of the account",
    severity="high",
    reason="The boundary is what keeps a role small when its own policy is wrong, and holds the denials for jobs.",
    remedy="Hand boundary_arn to the module.",
    types=("aws_iam_role",),
    sources=("IAM-BOUNDARY",),
    check=check,
    good=[("aws_iam_role", {"permissions_boundary": BOUNDARY})],
    breaks={
        "none": drop("permissions_boundary"),
        "foreign": put("permissions_boundary", "arn:aws:iam::999999999999:policy/slipway-boundary"),
        "AWS's": put("permissions_boundary", "arn:aws:iam::aws:policy/PowerUserAccess"),
    },
)
