"""An endpoint's instance types are on the list."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import ENDPOINT_INSTANCES
from policies.plan import Plan, Resource, listed


def check(config: Resource, _: Plan) -> Iterator[str]:
    for variant in listed(config.values.get("production_variants")):
        kind = variant.get("instance_type")
        if not variant.get("serverless_config") and kind not in ENDPOINT_INSTANCES:
            yield f"instance type {kind} is not on the list"


CONTROL = Control(
    title="An endpoint's instance types are on the list",
    severity="low",
    reason="A typing error can cost a salary a day, and old burstable types stall under load.",
    remedy="Choose a type of training/instances.yaml, or widen the list in a reviewed change.",
    types=("aws_sagemaker_endpoint_configuration",),
    sources=("WA-COST",),
    check=check,
    good=[("aws_sagemaker_endpoint_configuration", {"production_variants": [{"instance_type": "ml.c6i.large"}]})],
    breaks={
        "huge": put("production_variants.0.instance_type", "ml.p4d.24xlarge"),
        "burstable": put("production_variants.0.instance_type", "ml.t2.medium"),
        "unset": drop("production_variants.0.instance_type"),
    },
)
