"""A bucket's data is used through the VPC endpoint only."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, without_statements
from policies.control import Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions, anyone, conditions, statements

NEEDED = {"s3:getobject*", "s3:putobject*", "s3:deleteobject*"}


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    endpoints = {endpoint.values.get("id") for endpoint in plan.of("aws_vpc_endpoint")}
    for statement in statements(policy.values.get("policy"), "Deny"):
        allowed = conditions(statement).get(("stringnotequals", "aws:sourcevpce"), [])
        if anyone(statement) and allowed and set(allowed) <= endpoints and set(actions(statement)) >= NEEDED:
            return
    yield "data can be used from outside the VPC endpoint"


CONTROL = Control(
    title="A bucket's data is used through the VPC endpoint only",
    severity="high",
    reason="Stolen credentials are worth nothing outside the network.",
    remedy="Keep the statement DenyDataOutsideVpcEndpoint with this network's endpoint.",
    types=("aws_s3_bucket_policy",),
    sources=("NET-PERIMETER",),
    check=check,
    good=[
        (
            "aws_s3_bucket_policy",
            {
                "policy": policy_text(
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": sorted(NEEDED),
                        "Resource": ["arn:b", "arn:b/*"],
                        "Condition": {"StringNotEquals": {"aws:SourceVpce": ["vpce-1"]}},
                    }
                )
            },
        ),
        ("aws_vpc_endpoint", {"id": "vpce-1"}),
    ],
    breaks={
        "none": without_statements(lambda s: "SourceVpce" in str(s)),
        "another": each_statement(
            lambda s: s["Condition"]["StringNotEquals"].update({"aws:SourceVpce": ["vpce-x"]}),
            lambda s: "SourceVpce" in str(s),
        ),
        "reading only": each_statement(lambda s: s.update(Action=["s3:GetObject*"]), lambda s: "SourceVpce" in str(s)),
        "only if there": each_statement(
            lambda s: s.update(Condition={"StringNotEqualsIfExists": {"aws:SourceVpce": ["vpce-1"]}}),
            lambda s: "SourceVpce" in str(s),
        ),
    },
)
