"""What runs, runs with a role that is judged here."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import ACCOUNT, Control
from policies.plan import Plan, Resource

# Where a resource names the role that it acts with.
ROLES = {
    "aws_cloudwatch_event_target": "role_arn",
    "aws_flow_log": "iam_role_arn",
    "aws_lambda_function": "role",
    "aws_sagemaker_domain": "default_user_settings.0.execution_role",
    "aws_sagemaker_model": "execution_role_arn",
    "aws_sagemaker_notebook_instance": "role_arn",
    "aws_sfn_state_machine": "role_arn",
}


def _role(resource: Resource) -> str | None:
    value: object = resource.values
    for part in ROLES[resource.type].split("."):
        if isinstance(value, list):
            value = value[int(part)] if value else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def check(resource: Resource, plan: Plan) -> Iterator[str]:
    if _role(resource) not in {role.values.get("arn") for role in plan.of("aws_iam_role")}:
        yield f"it acts with {_role(resource)}, no role of this plan"


CONTROL = Control(
    title="What runs, runs with a role that is judged here",
    severity="high",
    reason="A role from elsewhere has a trust, policies and a boundary that nobody has looked at.",
    remedy="Give it a role made with modules/role, in the same plan.",
    types=tuple(ROLES),
    sources=("WA-LEAST",),
    applies=lambda resource, _: resource.type != "aws_cloudwatch_event_target" or _role(resource) is not None,
    check=check,
    good=[
        ("aws_lambda_function", {"role": f"arn:aws:iam::{ACCOUNT}:role/f"}),
        ("aws_iam_role", {"arn": f"arn:aws:iam::{ACCOUNT}:role/f"}),
    ],
    breaks={
        "foreign": lambda resource, plan: put(ROLES[resource.type], "arn:aws:iam::999999999999:role/x")(resource, plan),
        "somebody's administrator": lambda resource, plan: put(
            ROLES[resource.type], f"arn:aws:iam::{plan.account}:role/administrator"
        )(resource, plan),
        "none": lambda resource, plan: put(ROLES[resource.type], None)(resource, plan),
    },
)
