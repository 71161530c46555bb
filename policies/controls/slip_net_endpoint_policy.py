"""A VPC endpoint lets this account's principals through, and no others."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, each_statement, grant
from policies.control import ACCOUNT, Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions, conditions, listed, statements

SCOPES = {"aws:principalaccount", "aws:principalorgid", "aws:principalarn"}


def check(endpoint: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(endpoint.values.get("policy"), "Allow"):
        scoped = any(
            key in SCOPES and plan.account in str(values) for (_, key), values in conditions(statement).items()
        )
        if not scoped and "*" in listed(statement.get("Resource")):
            yield f"{statement.get('Sid')} lets anybody reach anything"
        elif not scoped and any(action != "s3:getobject" for action in actions(statement)):
            yield f"{statement.get('Sid')} lets anybody do {', '.join(actions(statement))}"


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
    },
)
