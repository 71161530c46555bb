"""What a simulation says about a plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Moment:
    """Ten seconds of a run."""

    at_s: float
    rate: float
    instances: int
    paid: int
    p95_ms: float | None
    refused: float


@dataclass(frozen=True)
class Outcome:
    """One plan against one trace.

    Attributes
    ----------
    arrived, answered, refused, late
        Requests: all of them, those answered in time, those that found a full queue, those whose answer came after
        the time limit. The last three add up to the first.
    mean_ms, p50_ms, p95_ms, p99_ms
        Of the answered ones; None without any, as silence is not speed.
    instance_hours
        What is paid for, instances that are still starting and stopping included.
    most_in_service
        Instances in service at the busiest time.
    activities
        Time, instances before and after, of each scaling activity.
    """

    engine: str
    arrived: float
    answered: float
    refused: float
    late: float
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    instance_hours: float
    most_in_service: int
    activities: list[tuple[float, int, int]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    @property
    def dropped_share(self) -> float:
        """Share of the requests that were refused or answered too late."""
        return (self.refused + self.late) / self.arrived if self.arrived else 0.0

    def seconds_over(self, p95_ms: float) -> float:
        """Return for how long the p95 of ten seconds was above a limit, or requests were refused; needs `moments`."""
        bad = (m.refused > 0 or (m.p95_ms is not None and m.p95_ms > p95_ms) for m in self.moments)
        return 10.0 * sum(bad)

    def keeps(self, p95_ms: float, dropped: float) -> bool:
        """Say whether it keeps an objective."""
        return self.p95_ms is not None and self.p95_ms <= p95_ms and self.dropped_share <= dropped

    def document(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {**asdict(self), "dropped_share": self.dropped_share}
