"""A bucket's data is used through the VPC endpoint only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from policies.breaks import each_statement, without_statements
from policies.control import Break, Control
from policies.iam import account_of, covers, may
from policies.kit import policy_text
from policies.plan import BOOTSTRAP, Plan, Resource, anyone, conditions, statements

NEEDED = ("s3:deleteobject", "s3:deleteobjectversion", "s3:getobject", "s3:getobjectversion", "s3:putobject")
BY_AWS = ("aws:viaawsservice", "aws:principalisawsservice")  # calls that AWS makes for somebody do not leave AWS


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    bucket = policy.values.get("bucket")
    endpoints = {endpoint.values.get("id") for endpoint in plan.of("aws_vpc_endpoint")}
    for statement in statements(policy.values.get("policy"), "Deny"):
        held = conditions(statement)
        allowed = held.pop(("stringnotequals", "aws:sourcevpce"), [])
        ours = (
            not endpoints and plan.environment == BOOTSTRAP
        )  # pipelines have no endpoint: the named ones alone come in
        inside = set(allowed) <= endpoints if allowed else ours
        every = covers(statement, f"arn:aws:s3:::{bucket}/any/key") and len(may(statement, NEEDED)) == len(NEEDED)
        if anyone(statement) and inside and every and all(_harmless(*item, plan) for item in held.items()):
            return
    yield "data can be used from outside the VPC endpoint"


def _harmless(operator_and_key: tuple[str, str], values: list[str], plan: Plan) -> bool:
    """Whether a further condition of the denial spares named principals of this account, or AWS itself, and no more."""
    operator, key = operator_and_key
    if operator == "boolifexists" and key in BY_AWS:
        return values == ["false"]
    if operator in ("arnnotlike", "arnnotequals", "stringnotequals", "stringnotlike") and key == "aws:principalarn":
        return all(account_of(arn) == plan.account and "*" not in arn and "?" not in arn for arn in values)
    return False


def _change(edit: Callable[[dict[str, Any]], object]) -> Break:
    return each_statement(edit, lambda s: "SourceVpce" in str(s))


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
                "bucket": "b",
                "policy": policy_text(
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": list(NEEDED),
                        "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
                        "Condition": {"StringNotEquals": {"aws:SourceVpce": ["vpce-1"]}},
                    }
                ),
            },
        ),
        ("aws_vpc_endpoint", {"id": "vpce-1"}),
    ],
    breaks={
        "none": without_statements(lambda s: "SourceVpce" in str(s)),
        "another": _change(lambda s: s["Condition"]["StringNotEquals"].update({"aws:SourceVpce": ["vpce-x"]})),
        "reading only": _change(lambda s: s.update(Action=["s3:GetObject*"])),
        "only if there": _change(
            lambda s: s.update(Condition={"StringNotEqualsIfExists": {"aws:SourceVpce": ["vpce-1"]}})
        ),
        "everybody spared": _change(lambda s: s["Condition"].update(ArnNotLike={"aws:PrincipalArn": ["*"]})),
        "roles of others spared": _change(
            lambda s: s["Condition"].update(ArnNotLike={"aws:PrincipalArn": "arn:aws:iam::999999999999:role/x"})
        ),
        "one more condition": _change(
            lambda s: s["Condition"].update(StringEquals={"aws:PrincipalAccount": "999999999999"})
        ),
        "one folder": _change(lambda s: s.update(Resource="arn:aws:s3:::b/x/*")),
    },
)
