"""Nobody can open a shell on an endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource, listed


def check(config: Resource, _: Plan) -> Iterator[str]:
    for kind in ("production_variants", "shadow_production_variants"):
        for variant in listed(config.values.get(kind)):
            if variant.get("enable_ssm_access"):
                yield f"variant {variant.get('variant_name')} allows a shell into its container"


def _shadow(config: Resource, _: Plan) -> None:
    first = config.values["production_variants"][0]
    config.values["shadow_production_variants"] = [{**first, "variant_name": "s", "enable_ssm_access": True}]


CONTROL = Control(
    title="Nobody can open a shell on an endpoint",
    severity="high",
    reason="A shell in the container reads the model and every request, past all that guards the endpoint.",
    remedy="Remove enable_ssm_access.",
    types=("aws_sagemaker_endpoint_configuration",),
    sources=("ML-SSM",),
    check=check,
    good=[
        (
            "aws_sagemaker_endpoint_configuration",
            {"production_variants": [{"enable_ssm_access": False}], "shadow_production_variants": []},
        )
    ],
    breaks={
        "on": put("production_variants.0.enable_ssm_access", True),
        "shadow": _shadow,
    },
)
