"""A VPC endpoint leads to a service of AWS."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

from policies.breaks import put
from policies.control import REGION, Control
from policies.plan import Plan, Resource


def check(endpoint: Resource, plan: Plan) -> Iterator[str]:
    name, kind = str(endpoint.values.get("service_name")), endpoint.values.get("vpc_endpoint_type")
    if not re.fullmatch(rf"(com\.amazonaws|aws\.sagemaker)\.{plan.region}\.[a-z0-9.-]+", name):
        yield f"it leads to {name}"
    if kind not in ("Gateway", "Interface"):
        yield f"it is of type {kind}"


def _extra(plan: Plan, service: str) -> None:
    """One more endpoint, like the first, for another service."""
    values = copy.deepcopy(plan.of("aws_vpc_endpoint")[0].values) | {"service_name": service}
    plan.resources.append(Resource("aws_vpc_endpoint.mutant", "aws_vpc_endpoint", values))


CONTROL = Control(
    title="A VPC endpoint leads to a service of AWS",
    severity="critical",
    reason="An endpoint to somebody's own service is a private line out of the network, past routes and gateways.",
    remedy="Name com.amazonaws.<region>.<service>.",
    types=("aws_vpc_endpoint",),
    sources=("NET-PERIMETER",),
    check=check,
    good=[
        ("aws_vpc_endpoint", {"service_name": f"com.amazonaws.{REGION}.kms", "vpc_endpoint_type": "Interface"}),
    ],
    breaks={
        "somebody's": lambda _, plan: _extra(plan, f"com.amazonaws.vpce.{plan.region}.vpce-svc-0123456789abcdef0"),
        "another region": lambda _, plan: _extra(plan, "com.amazonaws.us-east-1.kms"),
        "a load balancer": put("vpc_endpoint_type", "GatewayLoadBalancer"),
    },
)
