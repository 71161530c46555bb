"""No secrets stand in a function's settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource


def check(function: Resource, _: Plan) -> Iterator[str]:
    for name, value in (function.block("environment").get("variables") or {}).items():
        if re.search(r"(?i)password|secret|token|api_?key|credential", name) or re.match(
            r"AKIA[0-9A-Z]{16}", str(value)
        ):
            yield f"variable {name} looks like a secret"


CONTROL = Control(
    title="No secrets stand in a function's settings",
    severity="high",
    reason="Settings end up in plans, states and consoles.",
    remedy="Remove the variable; roles give the functions all they need.",
    types=("aws_lambda_function",),
    sources=("LA-ENV",),
    check=check,
    good=[("aws_lambda_function", {"environment": [{"variables": {"TOP_K": "3"}}]})],
    breaks={
        "name": put("environment.0.variables.DB_PASSWORD", "x"),
        "token": put("environment.0.variables.API_TOKEN", "x"),
        "value": put("environment.0.variables.ACCESS", "AKIAIOSFODNN7EXAMPLE"),
    },
)
