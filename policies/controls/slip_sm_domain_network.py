"""A Studio domain reaches the network through the VPC only."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(domain: Resource, _: Plan) -> Iterator[str]:
    if domain.values.get("app_network_access_type") != "VpcOnly":
        yield "app_network_access_type is not VpcOnly"


CONTROL = Control(
    title="A Studio domain reaches the network through the VPC only",
    severity="high",
    reason="The default gives every app of the domain a way to the internet that no security group sees.",
    remedy="Set app_network_access_type = VpcOnly.",
    types=("aws_sagemaker_domain",),
    sources=("ML-VPC",),
    unused="The environments have no Studio domain.",
    check=check,
    good=[("aws_sagemaker_domain", {"app_network_access_type": "VpcOnly"})],
    breaks={"public": put("app_network_access_type", "PublicInternetOnly"), "unset": drop("app_network_access_type")},
)
