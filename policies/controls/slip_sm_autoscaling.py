"""A production endpoint scales by itself."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import remove
from policies.control import Control, in_production
from policies.kit import endpoint_name
from policies.plan import Plan, Resource


def check(endpoint: Resource, plan: Plan) -> Iterator[str]:
    name = endpoint.values.get("name")
    if name not in [endpoint_name(target) for target in plan.of("aws_appautoscaling_target")]:
        yield f"no autoscaling target belongs to endpoint {name}"


def _moved_away(endpoint: Resource, plan: Plan) -> None:
    for other in plan.of("aws_appautoscaling_target", "aws_appautoscaling_policy"):
        if endpoint_name(other) == endpoint.values["name"]:
            other.values["resource_id"] = "endpoint/other/variant/primary"


CONTROL = Control(
    title="A production endpoint scales by itself",
    severity="medium",
    reason="Load that outgrows a fixed fleet is an outage nobody decided on.",
    remedy="Keep the endpoint module's autoscaling target.",
    types=("aws_sagemaker_endpoint",),
    sources=("WA-ML",),
    applies=in_production,
    check=check,
    good=[
        ("aws_sagemaker_endpoint", {"name": "e"}),
        ("aws_appautoscaling_target", {"service_namespace": "sagemaker", "resource_id": "endpoint/e/variant/a"}),
    ],
    breaks={
        "none": remove("aws_appautoscaling_target", lambda t, e: endpoint_name(t) == e.values["name"]),
        "another": _moved_away,
    },
)
