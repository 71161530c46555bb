"""A function has its own share of the account's concurrency."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(function: Resource, _: Plan) -> Iterator[str]:
    if (function.values.get("reserved_concurrent_executions") or -1) < 1:
        yield f"reserved_concurrent_executions is {function.values.get('reserved_concurrent_executions')}"


CONTROL = Control(
    title="A function has its own share of the account's concurrency",
    severity="medium",
    reason="Without one it can use up the whole account's, or be starved by its neighbours.",
    remedy="Set concurrency.reserved.",
    types=("aws_lambda_function",),
    sources=("LA-CONCURRENCY",),
    check=check,
    good=[("aws_lambda_function", {"reserved_concurrent_executions": 10})],
    breaks={"unlimited": put("reserved_concurrent_executions", -1), "unset": drop("reserved_concurrent_executions")},
)
