"""What a knee is told as: a line, notes on how far to believe it, and a file for the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtest.capacity import recommend
from loadtest.capacity.compare import Row
from loadtest.capacity.knee import Knee, Objective, p95_at
from loadtest.capacity.steps import Result, Step
from loadtest.files import write_json


def headline(found: Knee, objective: Objective) -> str:
    """Return the knee in one line."""
    reasons = {
        "latency": f"p95 passes {objective.p95_ms:g} ms" if objective.p95_ms else "",
        "failures": "requests fail",
        "flat": "throughput is flat",
        "not reached": "not reached",
    }
    interval = "" if found.low is None else f" (95 % interval {found.low:,.1f} to {found.high:,.1f})"
    return f"knee of one instance: {found.rps:,.1f} requests/s{interval}, {reasons[found.reason]}"


def notes(result: Result, found: Knee, objective: Objective, expected: str) -> list[str]:
    """Return what limits the figure."""
    said = []
    if result.unfit:
        said.append(f"the generator was the bottleneck ({result.unfit}): the figures are lower bounds")
    elif not found.reached:
        said.append("the test ended before the capacity did: the figures are lower bounds, more load would tell more")
    if objective.p95_ms is None:
        said.append("no latency objective was given (--slo-p95-ms): only failures and flat throughput end a step")
    if len(result.steps) == 1:
        said.append("one level of load was measured; a stairs run finds the knee between levels")
    if result.target.split(":")[0] != expected:
        said.append(f"measured against {result.target or 'an unnamed target'}, not {expected}: other instances differ")
    return said


def write(
    path: Path,
    found: Knee,
    measured: Sequence[Step],
    rows: Sequence[Row],
    *,
    instances: int,
    safety: float,
    tolerance: float,
    kind: str,
    **facts: Any,
) -> None:
    """Write knee and comparison as JSON."""
    knee = {"rps": found.rps, "low": found.low, "high": found.high, "reason": found.reason, "reached": found.reached}
    endpoint = kind == "endpoint"
    document = {
        **facts,
        "tolerance": tolerance,
        "knee": {**knee, "instances": instances},
        "target": recommend.target(found.rps, safety) if endpoint else None,
        "p95_at_target_ms": p95_at(measured, found.rps * safety) if endpoint else None,
        "settings": [
            {"key": ".".join(row.key), "now": row.now, "wanted": row.wanted, "why": row.why,
             "agrees": row.agrees(tolerance)}
            for row in rows
        ],
    }  # fmt: skip
    write_json(path, document)
