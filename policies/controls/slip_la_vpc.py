"""A function runs in the VPC, in two subnets or more."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource, missing


def check(function: Resource, _: Plan) -> Iterator[str]:
    vpc = function.block("vpc_config")
    if missing(vpc, ["security_group_ids", "subnet_ids"]):
        yield "it is in no subnet of ours"
    elif len(vpc["subnet_ids"]) < 2:
        yield "it is in one subnet only"


CONTROL = Control(
    title="A function runs in the VPC, in two subnets or more",
    severity="high",
    reason="Outside the VPC a function reaches the whole internet; in one subnet it fails with its zone.",
    remedy="Set vpc_config with the private subnets and the functions' security group.",
    types=("aws_lambda_function",),
    sources=("Lambda.3", "Lambda.5"),
    check=check,
    good=[("aws_lambda_function", {"vpc_config": [{"security_group_ids": ["sg-1"], "subnet_ids": ["a", "b"]}]})],
    breaks={
        "none": drop("vpc_config"),
        "one": put("vpc_config.0.subnet_ids", ["subnet-1"]),
        "no groups": put("vpc_config.0.security_group_ids", []),
    },
)
