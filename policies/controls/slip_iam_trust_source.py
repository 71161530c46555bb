"""A service may take a role for this account only."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement
from policies.control import ACCOUNT, Break, Control
from policies.iam import account_of, demanded
from policies.kit import TRUST
from policies.plan import Plan, Resource, services, statements


def check(role: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(role.values.get("assume_role_policy"), "Allow"):
        # EC2 says no source, and takes roles by instance profiles of the role's own account only.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html
        if services(statement) == ["ec2.amazonaws.com"]:
            continue
        sources = [demanded(statement, key) for key in ("aws:sourceaccount", "aws:sourcearn")]
        if services(statement) and not any(s and all(account_of(v) == plan.account for v in s) for s in sources):
            yield f"{', '.join(services(statement))} may take the role for another account"


def _when(**condition: object) -> Break:
    return each_statement(lambda s: s.update(Condition=condition), attribute="assume_role_policy")


CONTROL = Control(
    title="A service may take a role for this account only",
    severity="high",
    reason="Without the source a service can be made to act with our role for somebody else: the confused deputy.",
    remedy="Add a condition on aws:SourceAccount or aws:SourceArn to the trust.",
    types=("aws_iam_role",),
    sources=("IAM-DEPUTY",),
    applies=lambda role, _: any(map(services, statements(role.values.get("assume_role_policy"), "Allow"))),
    check=check,
    good=[("aws_iam_role", {"assume_role_policy": TRUST})],
    breaks={
        "none": each_statement(lambda s: s.pop("Condition", None), attribute="assume_role_policy"),
        "other account": _when(StringEquals={"aws:SourceAccount": "999999999999"}),
        "any account": _when(StringLike={"aws:SourceAccount": "*"}),
        "only if there": _when(StringEqualsIfExists={"aws:SourceAccount": ACCOUNT}),
        "all but this": _when(ArnNotLike={"aws:SourceArn": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:*"}),
        "one more": _when(StringEquals={"aws:SourceAccount": [ACCOUNT, "999999999999"]}),
        "any source": _when(ArnLike={"aws:SourceArn": "arn:aws:sagemaker:*:*:*"}),
    },
)
