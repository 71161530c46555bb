"""A production endpoint starts with two instances or more."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control, in_production
from policies.plan import Plan, Resource, listed


def check(config: Resource, _: Plan) -> Iterator[str]:
    for variant in listed(config.values.get("production_variants")):
        if not variant.get("serverless_config") and (variant.get("initial_instance_count") or 0) < 2:
            yield f"variant {variant.get('variant_name')} starts with {variant.get('initial_instance_count')} instances"


CONTROL = Control(
    title="A production endpoint starts with two instances or more",
    severity="medium",
    reason="One instance is one zone: its failure is an outage, and a canary has nothing to stand beside.",
    remedy="Raise scaling.min (or scaling.initial) to 2.",
    types=("aws_sagemaker_endpoint_configuration",),
    sources=("SageMaker.4",),
    applies=in_production,
    check=check,
    good=[
        (
            "aws_sagemaker_endpoint_configuration",
            {"production_variants": [{"variant_name": "a", "initial_instance_count": 2}]},
        )
    ],
    breaks={
        "one": put("production_variants.0.initial_instance_count", 1),
        "none": put("production_variants.0.initial_instance_count", 0),
        "unset": drop("production_variants.0.initial_instance_count"),
    },
)
