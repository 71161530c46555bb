"""The service-level objective of a load test, and the gate that judges a measurement against it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from loadtest.errors import LoadUsageError

# One Python process cannot use more than one processor: above this share it is the limit of what it measures.
MAX_CPU_SHARE = 0.95
# The one cause of failures that a tired generator can bring about.
LATE = "timeout"
# A generator that waits for its own turn as a rule adds this to every answer: more than a part of the median latency
# is too much, unless it is next to nothing beside the bound of its 99th percentile.
MAX_LAG_SHARE = 0.2
SMALL_LAG = 0.02


@dataclass(frozen=True)
class Slo:
    """What must hold; None leaves a figure unjudged.

    Attributes
    ----------
    p95_ms, p99_ms
        Upper limits in milliseconds.
    failures
        Upper limit of the failed share of all requests, 0 to 1.
    min_rps
        Lower limit of the throughput, requests per second.
    """

    p95_ms: float | None = None
    p99_ms: float | None = None
    failures: float = 0.0
    min_rps: float | None = None

    def __post_init__(self) -> None:
        for name in ("p95_ms", "p99_ms", "min_rps"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise LoadUsageError(f"slo {name}", value, "give a number above 0")
        if not 0 <= self.failures <= 1:
            raise LoadUsageError("slo failures", self.failures, "give a share between 0 and 1, such as 0.01 for 1 %")


@dataclass(frozen=True)
class Check:
    """One figure against its limit. `actual` is None where nothing could be measured, which never passes."""

    name: str
    limit: float
    actual: float | None
    passed: bool


@dataclass(frozen=True)
class Verdict:
    """All checks of one measurement; it passes when every one of them does."""

    slo: Slo
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """True when every check passed."""
        return all(check.passed for check in self.checks)

    def document(self) -> dict[str, Any]:
        """Return the verdict as it stands in `load.json`."""
        return {**asdict(self.slo), "passed": self.passed, "checks": [asdict(check) for check in self.checks]}


def tired(step: Mapping[str, Any], max_lag_ms: float) -> str | None:
    """Say why the generator itself, not the target, may be what a step shows; None when it was fit.

    Parameters
    ----------
    step
        `lag_p50_ms` and `lag_p99_ms`, how late the generator came to its own work, `cpu_share`, the part of a
        processor that it used, and `p50_ms`.
    """
    late, usual, cpu = step.get("lag_p99_ms"), step.get("lag_p50_ms"), step.get("cpu_share")
    if late is not None and late > max_lag_ms:
        return f"it came {late:,.0f} ms late to its own work (99th percentile, bound {max_lag_ms:g} ms)"
    if usual is not None and usual > max(SMALL_LAG * max_lag_ms, MAX_LAG_SHARE * (step.get("p50_ms") or 0.0)):
        return f"it came {usual:,.1f} ms late to its own work every other time"
    if cpu is not None and cpu > MAX_CPU_SHARE:
        return f"it used {cpu:.0%} of a processor"
    return None


def blameless(measured: Mapping[str, Any], verdict: Verdict) -> bool:
    """Return whether everything that is broken may be the doing of a tired generator.

    It makes latency longer, throughput lower and answers late. It makes no target answer with an error.
    """
    broken = {check.name for check in verdict.checks if not check.passed}
    late = all(error["cause"] == LATE for error in measured["errors"])
    busy = bool(measured["requests"] or measured["dropped"])
    return busy and (late or "failures" not in broken)


def judge(measured: Mapping[str, Any], slo: Slo) -> Verdict:
    """Judge a measurement with the keys requests, failures, rps, p95_ms and p99_ms.

    A run without requests always breaks its objective: silence is not success. With open arrivals (`offered_rps`)
    `dropped` is judged as well.
    """
    requests = measured["requests"]
    share = measured["failures"] / requests if requests else None
    checks = [_at_most("failures", share, slo.failures)]
    if measured.get("offered_rps") is not None:
        # What was never sent cannot have been answered in time: no share of it is tolerable.
        checks.append(_at_most("dropped", measured["dropped"], 0))
    for name in ("p95_ms", "p99_ms"):
        limit = getattr(slo, name)
        if limit is not None:
            checks.append(_at_most(name, measured[name], limit))
    if slo.min_rps is not None:
        actual = measured["rps"]
        checks.append(Check("min_rps", slo.min_rps, actual, actual is not None and actual >= slo.min_rps))
    return Verdict(slo, tuple(checks))


def _at_most(name: str, actual: float | None, limit: float) -> Check:
    return Check(name, limit, actual, actual is not None and actual <= limit)
