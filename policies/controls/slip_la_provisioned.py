"""Provisioned concurrency sits on an alias and within what is reserved."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put
from policies.control import Control
from policies.kit import same
from policies.plan import Plan, Resource


def check(config: Resource, plan: Plan) -> Iterator[str]:
    name, qualifier = config.values.get("function_name"), config.values.get("qualifier")
    if not plan.where("aws_lambda_alias", function_name=name, name=qualifier):
        yield f"{name}:{qualifier} is no alias"
    targets = plan.where("aws_appautoscaling_target", resource_id=f"function:{name}:{qualifier}")
    most = max(
        [
            config.values.get("provisioned_concurrent_executions") or 0,
            *(target.values.get("max_capacity") or 0 for target in targets),
        ]
    )
    for function in plan.where("aws_lambda_function", function_name=name):
        reserved = function.values.get("reserved_concurrent_executions") or -1
        if 0 < reserved < most:
            yield f"{most} provisioned is more than {reserved} reserved"


CONTROL = Control(
    title="Provisioned concurrency sits on an alias and within what is reserved",
    severity="medium",
    reason="Lambda refuses more than is reserved, at apply time or when the autoscaler asks at the busiest hour.",
    remedy="Raise concurrency.reserved or lower concurrency.provisioned.max; use the alias as qualifier.",
    types=("aws_lambda_provisioned_concurrency_config",),
    sources=("LA-CONCURRENCY", "LA-ALIAS"),
    check=check,
    good=[
        (
            "aws_lambda_provisioned_concurrency_config",
            {"function_name": "f", "qualifier": "live", "provisioned_concurrent_executions": 2},
        ),
        ("aws_lambda_alias", {"function_name": "f", "name": "live"}),
        ("aws_lambda_function", {"function_name": "f", "reserved_concurrent_executions": 5}),
    ],
    breaks={
        "too much": put("provisioned_concurrent_executions", 5000),
        "version": put("qualifier", "1"),
        "too little": elsewhere("aws_lambda_function", put("reserved_concurrent_executions", 1), same("function_name")),
    },
)
