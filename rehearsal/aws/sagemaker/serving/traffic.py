"""Count what an endpoint serves, and tell CloudWatch every now and then.

Requests only append to memory; one thread publishes. Latencies are in microseconds, as AWS reports them. What each
request sends: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rehearsal.aws.context import Summary

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.serving.fleet import VariantFleet

NAMESPACE = "AWS/SageMaker"
_PERIOD_SECONDS = 10.0  # on AWS; divided by the speed
_SHORTEST_SECONDS = 0.5
_SAMPLES = 100
_REMEMBERED_MINUTES = 20


@dataclass
class _Window:
    """What happened since the last report."""

    invocations: int = 0
    errors_4xx: int = 0
    errors_5xx: int = 0
    model_errors: int = 0
    most_concurrent: int = 0
    model_us: list[float] = field(default_factory=list)
    overhead_us: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Sample:
    """One report interval of a variant: when it ended, how long it was, what it held."""

    at: float
    seconds: float
    invocations: int
    concurrent: int
    instances: int


class Traffic:
    """The counters of one endpoint."""

    def __init__(self, context: Context, endpoint: str) -> None:
        self._context, self._endpoint = context, endpoint
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._fleets: dict[str, VariantFleet] = {}
        self._running: dict[str, int] = {}
        self._period = max(_SHORTEST_SECONDS, context.scaled(_PERIOD_SECONDS))
        self._reported = time.monotonic()
        self._history: dict[str, deque[Sample]] = {}

    def begin(self, fleet: VariantFleet) -> None:
        """A request has been given to the variant."""
        name = fleet.spec.name
        with self._lock:
            running = self._running[name] = self._running.get(name, 0) + 1
            window = self._window(name)
            window.invocations += 1
            window.most_concurrent = max(window.most_concurrent, running)
            self._fleets[name] = fleet

    def end(self, fleet: VariantFleet, status: int, model_seconds: float, total_seconds: float) -> None:
        """The request has been answered with the container's ``status`` (503 without one)."""
        name = fleet.spec.name
        with self._lock:
            self._running[name] -= 1
            window = self._window(name)
            window.errors_4xx += 400 <= status < 500
            window.errors_5xx += status >= 500
            window.model_errors += not 200 <= status < 300
            window.model_us.append(model_seconds * 1e6)
            window.overhead_us.append((total_seconds - model_seconds) * 1e6)

    def samples(self, variant: str, seconds: float) -> list[Sample]:
        """Return the reports of the last ``seconds`` (of this machine's clock), oldest first."""
        with self._lock:
            since = time.monotonic() - seconds
            return [sample for sample in self._history.get(variant, ()) if sample.at > since]

    def flush_when_due(self) -> None:
        """Publish if the period is over."""
        if time.monotonic() - self._reported >= self._period:
            self.flush()

    def flush(self) -> None:
        """Publish what has been counted, and begin anew."""
        with self._lock:
            now = time.monotonic()
            seconds, self._reported = now - self._reported, now
            windows, self._windows = self._windows, {}
            for name, count in self._running.items():
                window = windows.setdefault(name, _Window())
                window.most_concurrent = max(window.most_concurrent, count)
            for name, window in windows.items():
                self._remember(name, window, now, seconds)
        for name, window in windows.items():
            self._publish(name, window)

    def _window(self, name: str) -> _Window:
        return self._windows.setdefault(name, _Window())

    def _remember(self, name: str, window: _Window, now: float, seconds: float) -> None:
        keep = self._context.scaled(_REMEMBERED_MINUTES * 60)
        history = self._history.setdefault(name, deque())
        instances = _instances(self._fleets[name])
        history.append(Sample(now, seconds, window.invocations, window.most_concurrent, instances))
        while history and history[0].at < now - keep - seconds:
            history.popleft()

    def _publish(self, name: str, window: _Window) -> None:
        dims = {"EndpointName": self._endpoint, "VariantName": name}
        answered = len(window.model_us)
        shares = {
            "Invocations": (window.invocations, window.invocations, 1.0),
            "InvocationsPerInstance": (window.invocations, window.invocations, 1 / _instances(self._fleets[name])),
            "Invocation4XXErrors": (window.errors_4xx, answered, 1.0),
            "Invocation5XXErrors": (window.errors_5xx, answered, 1.0),
            "InvocationModelErrors": (window.model_errors, answered, 1.0),
        }
        for metric, (hits, requests, value) in shares.items():
            if requests:
                unit = "None" if metric.endswith("Errors") else "Count"
                low, high = (value if hits == requests else 0.0), (value if hits else 0.0)
                self._context.put_metric(
                    NAMESPACE, metric, dims=dims, unit=unit, summary=Summary(hits * value, requests, low, high)
                )
        if window.most_concurrent:
            self._context.put_metric(NAMESPACE, "ConcurrentRequestsPerModel", window.most_concurrent, dims, "Count")
        for metric, values in (("ModelLatency", window.model_us), ("OverheadLatency", window.overhead_us)):
            self._context.put_metric(NAMESPACE, metric, dims=dims, unit="Microseconds", values=thinned(values))


def _instances(fleet: VariantFleet) -> int:
    return max(1, fleet.active_count)


def thinned(values: list[float], most: int = _SAMPLES) -> list[float]:
    """Return at most ``most`` values with the same spread: evenly spaced ranks, smallest and largest among them.

    Every single value would be stored and searched again for each statistic and alarm. Percentiles, minimum and maximum
    stay right to one part in ``most``; the sample count does not.
    """
    if len(values) <= most:
        return values
    ordered = sorted(values)
    step = (len(ordered) - 1) / (most - 1)
    return [ordered[round(rank * step)] for rank in range(most)]
