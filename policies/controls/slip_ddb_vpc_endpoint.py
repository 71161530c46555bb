"""A table's items are used through the VPC endpoint only."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import without_statements
from policies.control import ACCOUNT, REGION, Control
from policies.kit import policy_text
from policies.plan import Plan, Resource
from policies.walls import change_wall, walled

NEEDED = (
    *("dynamodb:batchgetitem", "dynamodb:batchwriteitem", "dynamodb:deleteitem", "dynamodb:exporttabletopointintime"),
    *("dynamodb:getitem", "dynamodb:partiqldelete", "dynamodb:partiqlinsert", "dynamodb:partiqlselect"),
    *("dynamodb:partiqlupdate", "dynamodb:putitem", "dynamodb:query", "dynamodb:scan", "dynamodb:updateitem"),
)
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t"


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    endpoints = {
        endpoint.values.get("id")
        for endpoint in plan.of("aws_vpc_endpoint")
        if str(endpoint.values.get("service_name")).endswith(".dynamodb")
    }
    table = str(policy.values.get("resource_arn"))
    if not walled(policy.values.get("policy"), table, NEEDED, endpoints, plan, alone=False):
        yield "items can be used from outside the VPC endpoint"


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
        "another": change_wall(lambda s: s["Condition"]["StringNotEquals"].update({"aws:SourceVpce": ["vpce-x"]})),
        "reading only": change_wall(lambda s: s.update(Action=["dynamodb:GetItem", "dynamodb:Query"])),
        "only if there": change_wall(
            lambda s: s.update(Condition={"StringNotEqualsIfExists": {"aws:SourceVpce": ["vpce-1"]}})
        ),
        "everybody spared": change_wall(lambda s: s["Condition"].update(ArnNotLike={"aws:PrincipalArn": ["*"]})),
        "roles of others spared": change_wall(
            lambda s: s["Condition"].update(ArnNotLike={"aws:PrincipalArn": "arn:aws:iam::999999999999:role/x"})
        ),
        "indexes only": change_wall(lambda s: s.update(Resource=f"{TABLE}/index/*")),
    },
)
