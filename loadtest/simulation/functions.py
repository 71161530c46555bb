"""A Lambda function over a trace: provisioned concurrency that takes time to come, cold starts, throttling.

Second by second, with the number of calls under way from Little's law. What Lambda promises:

- Provisioned environments are there after a minute or two of preparation, at most 6,000 a minute, and none before all
  (https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html).
- On demand, at most 1,000 environments come every 10 s, refilled continuously
  (https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html).
- Reserved concurrency is what a function has and all it has; more is refused
  (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html).

An assumption: an environment on demand is kept for `keep_s` after its last call; AWS gives no time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from loadtest.errors import LoadUsageError
from loadtest.simulation.exact import Progress
from loadtest.simulation.scaling import UTILISATION, Autoscaler, Scheduled, TargetTracking
from loadtest.simulation.trace import Trace

PER_MINUTE = 6000
ON_DEMAND_PER_S = 100.0
ON_DEMAND_AT_ONCE = 1000.0


@dataclass(frozen=True)
class Function:
    """What a function is: seconds per call, seconds of a cold start on top, and its limits.

    `provisioned_most` above `provisioned_least` lets the autoscaler choose between them.
    """

    duration_s: float
    cold_s: float
    reserved: int
    provisioned_least: int = 0
    provisioned_most: int = 0
    utilisation: float = 0.7
    prepare_s: float = 90.0
    keep_s: float = 300.0
    in_cooldown_s: float = 0.0
    out_cooldown_s: float = 0.0
    schedule: tuple[Scheduled, ...] = ()

    def __post_init__(self) -> None:
        for name in ("duration_s", "reserved", "utilisation"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise LoadUsageError(name, getattr(self, name), "give a number above 0")
        if not 0 <= self.provisioned_least <= self.provisioned_most <= self.reserved:
            limits = f"{self.provisioned_least}, {self.provisioned_most}, {self.reserved}"
            raise LoadUsageError("provisioned min, max, reserved", limits, "give rising numbers")

    def allocation_s(self, more: int) -> float:
        """Return the seconds until `more` provisioned environments are there."""
        return self.prepare_s + more / PER_MINUTE * 60


@dataclass(frozen=True)
class FunctionOutcome:
    """What a function did with a trace: calls, those that met a cold start, those refused, and what was kept ready.

    The percentiles know two times only: the mean call, and the mean call after a cold start.
    """

    arrived: float
    answered: float
    cold: float
    throttled: float
    p95_ms: float | None
    p99_ms: float | None
    provisioned_hours: float
    busiest: float
    activities: list[tuple[float, int, int]] = field(default_factory=list)

    @property
    def cold_share(self) -> float:
        """Share of the answered calls."""
        return self.cold / self.answered if self.answered else 0.0

    @property
    def throttled_share(self) -> float:
        """Share of all calls."""
        return self.throttled / self.arrived if self.arrived else 0.0

    def document(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {**asdict(self), "cold_share": self.cold_share, "throttled_share": self.throttled_share}


class _Provisioned:
    """Provisioned concurrency in time."""

    def __init__(self, function: Function) -> None:
        self._function = function
        policies: Sequence[TargetTracking] = ()
        if function.provisioned_most > function.provisioned_least:
            policies = (
                TargetTracking(UTILISATION, function.utilisation, function.in_cooldown_s, function.out_cooldown_s),
            )
        least, most = function.provisioned_least, function.provisioned_most
        self._scaler = Autoscaler(tuple(policies), least, most, function.schedule)
        self.ready = self._wanted = self._before = least
        self._done = math.inf
        self._highest = 0.0
        self._minute = 0.0
        self.paid_s = 0.0
        self.activities: list[tuple[float, int, int]] = []

    def second(self, now: float, under_way: float) -> None:
        """Let a second pass with so many calls under way."""
        self.paid_s += max(self.ready, self._wanted)
        if self.ready:
            self._highest = max(self._highest, min(1.0, under_way / self.ready))
        if now >= self._done:
            self._done = math.inf
            self.ready = self._wanted
            self._scaler.complete(now, self._before, self._wanted)
        if now - self._minute < UTILISATION.period_s:
            return
        if self.ready:
            self._scaler.observe(UTILISATION, self._highest)
        self._minute, self._highest = now, 0.0
        wanted = self._scaler.decide(now, self._wanted, changing=self._done < math.inf)
        if wanted == self._wanted:
            return
        self._before, self._wanted = self._wanted, wanted
        self.activities.append((now, self._before, wanted))
        more = wanted - self._before
        if more < 0:
            self.ready = wanted
        self._done = now + (self._function.allocation_s(more) if more > 0 else 0.0)


def run(trace: Trace, function: Function, progress: Progress | None = None) -> FunctionOutcome:
    """Simulate a function."""
    seconds = max(1, math.ceil(trace.seconds))
    provisioned = _Provisioned(function)
    answered = cold = throttled = busiest = warm = 0.0
    burst = ON_DEMAND_AT_ONCE
    # Environments used on demand in the last keep_s seconds, without those that a later second exceeds: the first is
    # the most of them.
    used: deque[tuple[int, float]] = deque()
    for second, rate in enumerate(trace.at(0.0, seconds, 1.0).tolist()):
        needed = rate * function.duration_s
        over = max(0.0, needed - provisioned.ready)
        while used and used[0][0] < second - function.keep_s:
            used.popleft()
        warm = min(used[0][1] if used else 0.0, max(0.0, function.reserved - provisioned.ready))
        burst = min(ON_DEMAND_AT_ONCE, burst + ON_DEMAND_PER_S)
        room = max(0.0, function.reserved - provisioned.ready - warm)
        fresh = min(max(0.0, over - warm), burst, room)
        burst -= fresh
        served = min(over, warm + fresh)
        under_way = min(needed, float(provisioned.ready)) + served
        share = under_way / needed if needed else 1.0
        answered += rate * share
        throttled += rate * (1 - share)
        # Each new environment makes one call wait for its start.
        cold += min(fresh, rate * share)
        busiest = max(busiest, under_way)
        while used and used[-1][1] <= served:
            used.pop()
        if served:
            used.append((second, served))
        provisioned.second(second + 1.0, needed)
        if progress and second % 4096 == 0:
            progress(second / seconds)
    return FunctionOutcome(
        arrived=answered + throttled,
        answered=answered,
        cold=cold,
        throttled=throttled,
        p95_ms=_time(function, answered, cold, 0.95),
        p99_ms=_time(function, answered, cold, 0.99),
        provisioned_hours=provisioned.paid_s / 3600,
        busiest=busiest,
        activities=provisioned.activities,
    )


def _time(function: Function, answered: float, cold: float, share: float) -> float | None:
    if not answered:
        return None
    return 1000 * (function.duration_s + (function.cold_s if cold / answered > 1 - share else 0.0))
