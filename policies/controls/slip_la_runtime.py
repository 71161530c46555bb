"""A function's runtime is one that AWS supports."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(function: Resource, _: Plan) -> Iterator[str]:
    if function.values.get("package_type") != "Image" and function.values.get("runtime") not in (
        "python3.12",
        "python3.13",
    ):
        yield f"runtime {function.values.get('runtime')} is not on the list"


CONTROL = Control(
    title="A function's runtime is one that AWS supports",
    severity="medium",
    reason="An old runtime gets no security updates.",
    remedy="Set package.runtime = python3.12 or newer.",
    types=("aws_lambda_function",),
    sources=("Lambda.2",),
    check=check,
    good=[("aws_lambda_function", {"runtime": "python3.12"})],
    breaks={"old": put("runtime", "python3.8"), "unset": drop("runtime")},
)
