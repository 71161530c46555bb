"""A state machine is traced."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(machine: Resource, _: Plan) -> Iterator[str]:
    if machine.block("tracing_configuration").get("enabled") is not True:
        yield "X-Ray tracing is off"


CONTROL = Control(
    title="A state machine is traced",
    severity="low",
    reason="A trace shows which of five services made a run slow or fail.",
    remedy="Set tracing_configuration.enabled = true.",
    types=("aws_sfn_state_machine",),
    sources=("SFN-BEST",),
    check=check,
    good=[("aws_sfn_state_machine", {"tracing_configuration": [{"enabled": True}]})],
    breaks={"off": put("tracing_configuration.0.enabled", False), "none": drop("tracing_configuration")},
)
