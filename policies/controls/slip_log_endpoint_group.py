"""An endpoint's log group is managed here."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put, remove
from policies.control import Control
from policies.plan import Plan, Resource


def check(endpoint: Resource, plan: Plan) -> Iterator[str]:
    name = f"/aws/sagemaker/Endpoints/{endpoint.values.get('name')}"
    if not plan.where("aws_cloudwatch_log_group", name=name):
        yield f"log group {name} is not in the plan"


CONTROL = Control(
    title="An endpoint's log group is managed here",
    severity="medium",
    reason="SageMaker makes a missing group itself: without key and kept for ever.",
    remedy="Keep the endpoint module's log group.",
    types=("aws_sagemaker_endpoint",),
    sources=("LOG-MANAGED",),
    check=check,
    good=[
        ("aws_sagemaker_endpoint", {"name": "e"}),
        ("aws_cloudwatch_log_group", {"name": "/aws/sagemaker/Endpoints/e"}),
    ],
    breaks={
        "under another name": elsewhere(
            "aws_cloudwatch_log_group",
            put("name", "/aws/sagemaker/Endpoints/another"),
            lambda g, e: g.values.get("name") == f"/aws/sagemaker/Endpoints/{e.values['name']}",
        ),
        "none": remove(
            "aws_cloudwatch_log_group",
            lambda g, e: g.values.get("name") == f"/aws/sagemaker/Endpoints/{e.values['name']}",
        ),
    },
)
