"""An event source calls a function by its alias."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import ACCOUNT, REGION, Control
from policies.plan import Plan, Resource

LIVE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f:live"


def check(source: Resource, plan: Plan) -> Iterator[str]:
    name = source.values.get("function_arn") or source.values.get("function_name")
    if name not in {alias.values.get("arn") for alias in plan.of("aws_lambda_alias")}:
        yield f"it calls {name}, no alias of this environment"


CONTROL = Control(
    title="An event source calls a function by its alias",
    severity="medium",
    reason="$LATEST changes with every upload, and has no provisioned concurrency.",
    remedy="Hand over the function module's alias_arn.",
    types=("aws_lambda_event_source_mapping",),
    sources=("LA-ALIAS",),
    unused="State machines invoke the functions; nothing is polled.",
    check=check,
    good=[("aws_lambda_event_source_mapping", {"function_name": LIVE}), ("aws_lambda_alias", {"arn": LIVE})],
    breaks={
        "unqualified": put("function_name", "f"),
        "a version": put("function_name", LIVE.replace(":live", ":3")),
        "another's": put("function_name", LIVE.replace(ACCOUNT, "999999999999")),
    },
)
