"""An alias points at a published version."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(alias: Resource, _: Plan) -> Iterator[str]:
    if not str(alias.values.get("function_version")).isdigit():
        yield f"the alias points at {alias.values.get('function_version')}"


CONTROL = Control(
    title="An alias points at a published version",
    severity="medium",
    reason="An alias of $LATEST changes with every upload and cannot be rolled back.",
    remedy="Set function_version to the function's version (publish = true).",
    types=("aws_lambda_alias",),
    sources=("LA-ALIAS",),
    check=check,
    good=[("aws_lambda_alias", {"function_version": "1"})],
    breaks={"latest": put("function_version", "$LATEST"), "unset": drop("function_version")},
)
