"""The VPC has an endpoint for every service that the workloads call."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import remove
from policies.control import REGION, Control
from policies.plan import Plan, Resource

REQUIRED = ("s3", "ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "sagemaker.api", "sagemaker.runtime", "sts")


def check(vpc: Resource, plan: Plan) -> Iterator[str]:
    names = {str(e.values.get("service_name")) for e in plan.where("aws_vpc_endpoint", vpc_id=vpc.values.get("id"))}
    for service in REQUIRED:
        if f"com.amazonaws.{plan.region}.{service}" not in names:
            yield f"no endpoint for {service}"


CONTROL = Control(
    title="The VPC has an endpoint for every service that the workloads call",
    severity="medium",
    reason="A missing endpoint is an outage in a closed network, and the reason why somebody opens it.",
    remedy="Add the service to network.services in settings.yaml.",
    types=("aws_vpc",),
    sources=("EC2.55", "EC2.56"),
    check=check,
    good=[
        ("aws_vpc", {"id": "v"}),
        *[("aws_vpc_endpoint", {"vpc_id": "v", "service_name": f"com.amazonaws.{REGION}.{s}"}) for s in REQUIRED],
    ],
    breaks={
        "no kms": remove("aws_vpc_endpoint", lambda e, _: str(e.values.get("service_name")).endswith(".kms")),
        "no runtime": remove("aws_vpc_endpoint", lambda e, _: str(e.values.get("service_name")).endswith(".runtime")),
        "no logs": remove("aws_vpc_endpoint", lambda e, _: str(e.values.get("service_name")).endswith(".logs")),
    },
)
