"""An endpoint serves a configuration and models that are judged here."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(endpoint: Resource, plan: Plan) -> Iterator[str]:
    name = endpoint.values.get("endpoint_config_name")
    configs = [c for c in plan.of("aws_sagemaker_endpoint_configuration") if name in _names(c)]
    if not configs:
        yield f"endpoint configuration {name} is not in the plan"
    models = {found for model in plan.of("aws_sagemaker_model") for found in _names(model)}
    for config in configs:
        for kind in ("production_variants", "shadow_production_variants"):
            for variant in listed(config.values.get(kind)):
                if variant.get("model_name") not in models:
                    yield f"model {variant.get('model_name')} is not in the plan"


def _names(resource: Resource) -> set[str]:
    return {str(resource.values[key]) for key in ("name", "id") if resource.values.get(key)}


CONTROL = Control(
    title="An endpoint serves a configuration and models that are judged here",
    severity="high",
    reason="A configuration made by hand can have any capture, key, shell or model behind the same name.",
    remedy="Name the plan's own endpoint configuration, and in it the plan's own models.",
    types=("aws_sagemaker_endpoint",),
    sources=("WA-LEAST",),
    check=check,
    good=[
        ("aws_sagemaker_endpoint", {"endpoint_config_name": "c"}),
        ("aws_sagemaker_endpoint_configuration", {"name": "c", "production_variants": [{"model_name": "m"}]}),
        ("aws_sagemaker_model", {"name": "m"}),
    ],
    breaks={
        "another configuration": put("endpoint_config_name", "by-hand"),
        "another model": elsewhere(
            "aws_sagemaker_endpoint_configuration", put("production_variants.0.model_name", "by-hand")
        ),
        "another shadow": elsewhere(
            "aws_sagemaker_endpoint_configuration",
            put("shadow_production_variants", [{"model_name": "by-hand", "variant_name": "s"}]),
        ),
    },
)
