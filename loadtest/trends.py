"""What a run shows over time that its totals hide: does the target recover from a spike, does it tire in a soak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Without an objective, a target has recovered when it is this close to what it was before.
AS_BEFORE = 1.5


def of(shape: str, result: Mapping[str, Any], p95_ms: float | None) -> dict[str, Any]:
    """Return what the shape of a run is there to show, as it stands in `load.json`; empty for most shapes."""
    steps, samples = result["steps"], result["samples"]
    if shape == "spike" and len(steps) == 3:
        return {"recovered_s": recovered(steps, samples, p95_ms)}
    if shape == "soak" and len(steps) > 1:
        return {"drift": drift(steps)}
    return {}


def recovered(steps: list[Mapping[str, Any]], samples: list[Mapping[str, Any]], p95_ms: float | None) -> float | None:
    """Return the seconds from the end of a spike until latency is good again and stays so; None if it does not.

    Good is within the objective, or else close to what it was before the spike.
    """
    before, _, after = steps
    if p95_ms is None:
        if before["p95_ms"] is None:
            return None
        p95_ms = AS_BEFORE * before["p95_ms"]
    first, last = after["samples"]
    bad = [sample for sample in samples[first:last] if sample["p95_ms"] is None or sample["p95_ms"] > p95_ms]
    if not bad:
        return 0.0
    if last > first and bad[-1] is samples[last - 1]:
        return None
    return round(float(bad[-1]["t"] - after["start_s"]), 3)


def drift(steps: list[Mapping[str, Any]]) -> float | None:
    """Return by which part p95 grew from the first to the last part of a soak; None where it was not measured."""
    first, last = steps[0]["p95_ms"], steps[-1]["p95_ms"]
    return round(last / first - 1, 4) if first and last else None
