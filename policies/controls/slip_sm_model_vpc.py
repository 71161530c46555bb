"""A model runs in the VPC."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource, missing


def check(model: Resource, _: Plan) -> Iterator[str]:
    vpc = model.block("vpc_config")
    for name in missing(vpc, ["subnets", "security_group_ids"]):
        yield f"vpc_config.{name} is empty"


CONTROL = Control(
    title="A model runs in the VPC",
    severity="high",
    reason="Outside the VPC neither security groups nor endpoint policies hold, and the container's traffic is unseen.",
    remedy="Set vpc_config with the private subnets and the endpoint's security group.",
    types=("aws_sagemaker_model",),
    sources=("ML-VPC",),
    check=check,
    good=[("aws_sagemaker_model", {"vpc_config": [{"subnets": ["subnet-1"], "security_group_ids": ["sg-1"]}]})],
    breaks={
        "no vpc": drop("vpc_config"),
        "no subnets": put("vpc_config.0.subnets", []),
        "no security groups": drop("vpc_config.0.security_group_ids"),
    },
)
