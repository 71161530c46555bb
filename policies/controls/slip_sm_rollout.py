"""A new model meets production traffic step by step."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control, in_production
from policies.plan import Plan, Resource, first


def check(endpoint: Resource, _: Plan) -> Iterator[str]:
    policy = first(endpoint.block("deployment_config").get("blue_green_update_policy"))
    routing = first(policy.get("traffic_routing_configuration"))
    if routing.get("type") not in ("CANARY", "LINEAR"):
        yield f"traffic is routed {routing.get('type')}"
    elif not (routing.get("wait_interval_in_seconds") or 0) >= 60:
        yield "the steps are too short for an alarm to go off between them"


CONTROL = Control(
    title="A new model meets production traffic step by step",
    severity="medium",
    reason="All at once means that every user meets a bad model before any alarm has gone off.",
    remedy="Set rollout.type to CANARY or LINEAR, with a wait of a minute or more.",
    types=("aws_sagemaker_endpoint",),
    sources=("ML-GUARDRAILS",),
    applies=in_production,
    check=check,
    good=[
        (
            "aws_sagemaker_endpoint",
            {
                "deployment_config": [
                    {
                        "blue_green_update_policy": [
                            {"traffic_routing_configuration": [{"type": "CANARY", "wait_interval_in_seconds": 600}]}
                        ]
                    }
                ]
            },
        )
    ],
    breaks={
        "at once": put(
            "deployment_config.0.blue_green_update_policy.0.traffic_routing_configuration.0.type", "ALL_AT_ONCE"
        ),
        "no wait": put(
            "deployment_config.0.blue_green_update_policy.0.traffic_routing_configuration.0.wait_interval_in_seconds", 0
        ),
        "none": put("deployment_config.0.blue_green_update_policy", []),
    },
)
