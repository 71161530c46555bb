"""A VPC endpoint lets this account's principals through, and no others."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, each_statement, grant
from policies.control import ACCOUNT, Break, Control
from policies.iam import is_wild, resources, scoped
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions, statements

PUBLIC = ("s3:getobject",)  # AWS keeps packages and layers of images in buckets of its own


def check(endpoint: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(endpoint.values.get("policy"), "Allow"):
        if scoped(statement, plan):
            continue
        if "NotAction" in statement or "NotResource" in statement or any(map(is_wild, resources(statement))):
            yield f"{statement.get('Sid')} lets anybody reach anything"
        elif any(action not in PUBLIC for action in actions(statement)):
            yield f"{statement.get('Sid')} lets anybody do {', '.join(actions(statement))}"


def _instead(**condition: object) -> Break:
    return each_statement(lambda s: s.update(Condition=condition, Resource="*"), lambda s: "Condition" in s)


CONTROL = Control(
    title="A VPC endpoint lets this account's principals through, and no others",
    severity="high",
    reason="Data leaves a closed network through an endpoint, with credentials that an attacker brought.",
    remedy="Condition every statement on aws:PrincipalAccount.",
    types=("aws_vpc_endpoint",),
    sources=("NET-PERIMETER",),
    check=check,
    good=[
        (
            "aws_vpc_endpoint",
            {
                "policy": policy_text(
                    {
                        "Effect": "Allow",
                        "Principal": "*",
                        "Action": "s3:GetObject",
                        "Resource": "*",
                        "Condition": {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
                    }
                )
            },
        )
    ],
    breaks={
        "no policy": drop("policy"),
        "open": grant("*", Principal="*"),
        "no condition": each_statement(
            lambda s: (s.pop("Condition", None), s.update(Resource="*")), lambda s: "Condition" in s
        ),
        "everybody but us": _instead(StringNotEquals={"aws:PrincipalAccount": ACCOUNT}),
        "only if there": _instead(StringEqualsIfExists={"aws:PrincipalAccount": ACCOUNT}),
        "any account": _instead(StringLike={"aws:PrincipalAccount": "*"}),
        "vacuously": _instead(**{"ForAllValues:StringEquals": {"aws:PrincipalAccount": ACCOUNT}}),
        "by exception": grant(None, NotAction="iam:*", Principal="*"),
    },
)
