"""There are no users and no access keys."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add
from policies.control import Control
from policies.plan import WHOLE, Plan, Resource

KINDS = (
    "aws_iam_access_key",
    "aws_iam_group",
    "aws_iam_group_membership",
    "aws_iam_service_specific_credential",
    "aws_iam_user",
    "aws_iam_user_group_membership",
    "aws_iam_user_login_profile",
    "aws_iam_user_ssh_key",
)


def check(_: Resource, plan: Plan) -> Iterator[str]:
    yield from (f"{found.address} is planned" for found in plan.of(*KINDS))


CONTROL = Control(
    title="There are no users and no access keys",
    severity="high",
    reason="Access keys do not end, and are found in repositories.",
    remedy="Use roles: OIDC for pipelines, IAM Identity Center for people.",
    types=(WHOLE,),
    sources=("IAM.2", "IAM.3", "IAM-USERS"),
    refuses=KINDS,
    check=check,
    good=[(WHOLE, {})],
    breaks={
        "user": add("aws_iam_user", name="u"),
        "key": add("aws_iam_access_key", user="u"),
        "password": add("aws_iam_user_login_profile", user="u"),
    },
)
