"""A bucket's data is used through the VPC endpoint only."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import without_statements
from policies.control import Control
from policies.kit import policy_text
from policies.plan import BOOTSTRAP, Plan, Resource
from policies.walls import change_wall, walled

NEEDED = ("s3:deleteobject", "s3:deleteobjectversion", "s3:getobject", "s3:getobjectversion", "s3:putobject")


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    endpoints = {endpoint.values.get("id") for endpoint in plan.of("aws_vpc_endpoint")}
    # Pipelines have no endpoint: the named ones alone come in.
    alone = not endpoints and plan.environment == BOOTSTRAP
    key = f"arn:aws:s3:::{policy.values.get('bucket')}/any/key"
    if not walled(policy.values.get("policy"), key, NEEDED, endpoints, plan, alone=alone):
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
        "another": change_wall(lambda s: s["Condition"]["StringNotEquals"].update({"aws:SourceVpce": ["vpce-x"]})),
        "reading only": change_wall(lambda s: s.update(Action=["s3:GetObject*"])),
        "only if there": change_wall(
            lambda s: s.update(Condition={"StringNotEqualsIfExists": {"aws:SourceVpce": ["vpce-1"]}})
        ),
        "everybody spared": change_wall(lambda s: s["Condition"].update(ArnNotLike={"aws:PrincipalArn": ["*"]})),
        "roles of others spared": change_wall(
            lambda s: s["Condition"].update(ArnNotLike={"aws:PrincipalArn": "arn:aws:iam::999999999999:role/x"})
        ),
        "one more condition": change_wall(
            lambda s: s["Condition"].update(StringEquals={"aws:PrincipalAccount": "999999999999"})
        ),
        "one folder": change_wall(lambda s: s.update(Resource="arn:aws:s3:::b/x/*")),
    },
)
