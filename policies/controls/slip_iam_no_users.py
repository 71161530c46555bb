"""There are no users and no access keys."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add
from policies.control import Control
from policies.plan import Plan, Resource


def check(_: Resource, plan: Plan) -> Iterator[str]:
    for kind in ("aws_iam_user", "aws_iam_access_key", "aws_iam_user_policy", "aws_iam_user_login_profile"):
        yield from (f"{found.address} is planned" for found in plan.of(kind))


CONTROL = Control(
    title="There are no users and no access keys",
    severity="high",
    reason="Access keys do not end, and are found in repositories.",
    remedy="Use roles: OIDC for pipelines, IAM Identity Center for people.",
    types=("aws_vpc",),
    sources=("IAM-USERS",),
    check=check,
    good=[("aws_vpc", {})],
    breaks={
        "user": add("aws_iam_user", name="u"),
        "key": add("aws_iam_access_key", user="u"),
        "policy": add("aws_iam_user_policy", user="u"),
    },
)
