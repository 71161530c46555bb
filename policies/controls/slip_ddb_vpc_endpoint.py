"""A table's items are used through the VPC endpoint only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from policies.breaks import each_statement, without_statements
from policies.control import ACCOUNT, REGION, Break, Control
from policies.iam import account_of, covers, may
from policies.kit import policy_text
from policies.plan import Plan, Resource, anyone, conditions, statements

NEEDED = (
    *("dynamodb:batchgetitem", "dynamodb:batchwriteitem", "dynamodb:deleteitem", "dynamodb:exporttabletopointintime"),
    *("dynamodb:getitem", "dynamodb:partiqldelete", "dynamodb:partiqlinsert", "dynamodb:partiqlselect"),
    *("dynamodb:partiqlupdate", "dynamodb:putitem", "dynamodb:query", "dynamodb:scan", "dynamodb:updateitem"),
)
BY_AWS = ("aws:viaawsservice", "aws:principalisawsservice")  # calls that AWS makes for somebody do not leave AWS
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t"


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    table = str(policy.values.get("resource_arn"))
    endpoints = {
        endpoint.values.get("id")
        for endpoint in plan.of("aws_vpc_endpoint")
        if str(endpoint.values.get("service_name")).endswith(".dynamodb")
    }
    for statement in statements(policy.values.get("policy"), "Deny"):
        held = conditions(statement)
        allowed = held.pop(("stringnotequals", "aws:sourcevpce"), [])
        every = covers(statement, table) and len(may(statement, NEEDED)) == len(NEEDED)
        if (
            anyone(statement)
            and allowed
            and set(allowed) <= endpoints
            and every
            and all(_harmless(*item, plan) for item in held.items())
        ):
            return
    yield "items can be used from outside the VPC endpoint"


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
    title="A table's items are used through the VPC endpoint only",
    severity="high",
    reason="Stolen credentials are worth nothing outside the network.",
    remedy="Keep the statement DenyDataOutsideVpcEndpoint with this network's DynamoDB endpoint.",
    types=("aws_dynamodb_resource_policy",),
    sources=("NET-PERIMETER",),
    check=check,
    good=[
        (
            "aws_dynamodb_resource_policy",
            {
                "resource_arn": TABLE,
                "policy": policy_text(
                    {
                        "Effect": "Deny",
                        "Principal": {"AWS": "*"},
                        "Action": list(NEEDED),
                        "Resource": [TABLE, f"{TABLE}/index/*"],
                        "Condition": {"StringNotEquals": {"aws:SourceVpce": ["vpce-1"]}},
                    }
                ),
            },
        ),
        ("aws_vpc_endpoint", {"id": "vpce-1", "service_name": f"com.amazonaws.{REGION}.dynamodb"}),
    ],
    breaks={
        "none": without_statements(lambda s: "SourceVpce" in str(s)),
        "another": _change(lambda s: s["Condition"]["StringNotEquals"].update({"aws:SourceVpce": ["vpce-x"]})),
        "reading only": _change(lambda s: s.update(Action=["dynamodb:GetItem", "dynamodb:Query"])),
        "only if there": _change(
            lambda s: s.update(Condition={"StringNotEqualsIfExists": {"aws:SourceVpce": ["vpce-1"]}})
        ),
        "everybody spared": _change(lambda s: s["Condition"].update(ArnNotLike={"aws:PrincipalArn": ["*"]})),
        "roles of others spared": _change(
            lambda s: s["Condition"].update(ArnNotLike={"aws:PrincipalArn": "arn:aws:iam::999999999999:role/x"})
        ),
        "indexes only": _change(lambda s: s.update(Resource=f"{TABLE}/index/*")),
    },
)
