"""What is counted of requests, in a form that adds up exactly however many processes counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtest.histogram import bucket, percentile

# Messages of failures may carry ids, so every one may be new: beyond these, only their cause is kept.
MAX_MESSAGES = 20


@dataclass
class Book:
    """Counts of requests.

    Attributes
    ----------
    offered
        Arrivals that were due; 0 where users wait for their answers.
    dropped
        Arrivals of these that were not sent, as too many were in flight already.
    requests, failures
        Requests that were sent and have ended, and those of them that failed.
    answered
        Requests that ended within the measured time, whenever they began: throughput is made of these.
    total_ms, max_ms, histogram
        Latencies of all requests, failed ones included.
    faults
        (cause, message) -> number of requests.
    """

    offered: int = 0
    dropped: int = 0
    requests: int = 0
    failures: int = 0
    answered: int = 0
    total_ms: float = 0.0
    max_ms: float = 0.0
    histogram: dict[float, int] = field(default_factory=dict)
    faults: dict[tuple[str, str], int] = field(default_factory=dict)

    def record(self, ms: float, fault: tuple[str, str] | None) -> None:
        """Count one request that has ended."""
        self.requests += 1
        self.total_ms += ms
        self.max_ms = max(self.max_ms, ms)
        value = bucket(ms)
        self.histogram[value] = self.histogram.get(value, 0) + 1
        if fault is not None:
            self.failures += 1
            self._blame(fault, 1)

    def wire(self) -> list[Any]:
        """Return what `add` takes: nothing but numbers, texts and lists."""
        faults = [[cause, message, count] for (cause, message), count in self.faults.items()]
        counts = [self.offered, self.dropped, self.requests, self.failures, self.answered]
        return [*counts, self.total_ms, self.max_ms, [list(pair) for pair in self.histogram.items()], faults]

    def add(self, wire: Sequence[Any]) -> None:
        """Add what another process, or another second, has counted."""
        offered, dropped, requests, failures, answered, total_ms, max_ms, histogram, faults = wire
        self.offered += offered
        self.dropped += dropped
        self.requests += requests
        self.failures += failures
        self.answered += answered
        self.total_ms += total_ms
        self.max_ms = max(self.max_ms, max_ms)
        for value, count in histogram:
            self.histogram[value] = self.histogram.get(value, 0) + count
        for cause, message, count in faults:
            self._blame((cause, message), count)

    def figures(self, seconds: float) -> dict[str, Any]:
        """Return the figures of `seconds` measured seconds, as `load.json` holds them."""
        errors = sorted(self.faults.items(), key=lambda item: -item[1])
        return {
            "seconds": round(seconds, 3),
            "requests": self.requests,
            "failures": self.failures,
            "dropped": self.dropped,
            "rps": round(self.answered / seconds, 3) if seconds else 0.0,
            "p50_ms": percentile(self.histogram, 0.5),
            "p95_ms": percentile(self.histogram, 0.95),
            "p99_ms": percentile(self.histogram, 0.99),
            "mean_ms": round(self.total_ms / self.requests, 3) if self.requests else None,
            "max_ms": round(self.max_ms, 3) if self.requests else None,
            "errors": [{"cause": cause, "error": text, "count": count} for (cause, text), count in errors],
            "histogram": [[value, self.histogram[value]] for value in sorted(self.histogram)],
        }

    def _blame(self, fault: tuple[str, str], count: int) -> None:
        if fault not in self.faults and len(self.faults) >= MAX_MESSAGES:
            fault = (fault[0], "other messages")
        self.faults[fault] = self.faults.get(fault, 0) + count
