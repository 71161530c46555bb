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
    inside_s: float = 0.0  # request-seconds
    model_us: list[float] = field(default_factory=list)
    overhead_us: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Sample:
    """One report interval of a variant: when it ended, how long it was, what it held.

    ``concurrent`` is the mean number of requests that the variant had been given and had not answered, waiting ones
    too: what ConcurrentRequestsPerModel averages to over a variant's containers and 10 s
    (https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-code-define.html).
    """

    at: float
    seconds: float
    invocations: int
    concurrent: float
    instances: int


class Traffic:
    """The counters of one endpoint."""

    def __init__(self, context: Context, endpoint: str) -> None:
        self._context, self._endpoint = context, endpoint
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._fleets: dict[str, VariantFleet] = {}
        self._running: dict[str, int] = {}
        self._counted: dict[str, float] = {}
        self._period = max(_SHORTEST_SECONDS, context.scaled(_PERIOD_SECONDS))
        self._reported = time.monotonic()
        self._history: dict[str, deque[Sample]] = {}

    def begin(self, fleet: VariantFleet) -> None:
        """A request has been given to the variant."""
        name = fleet.spec.name
        with self._lock:
            window = self._window(name)
            self._dwell(name, window, time.monotonic())
            self._running[name] = self._running.get(name, 0) + 1
            window.invocations += 1
            self._fleets[name] = fleet

    def end(self, fleet: VariantFleet, status: int, model_seconds: float, total_seconds: float) -> None:
        """The request has been answered with the container's ``status`` (503 without one)."""
        name = fleet.spec.name
        with self._lock:
            window = self._window(name)
            self._dwell(name, window, time.monotonic())
            self._running[name] -= 1
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
            seconds, self._reported = max(now - self._reported, 1e-6), now
            windows, self._windows = self._windows, {}
            for name in self._running:
                self._dwell(name, windows.setdefault(name, _Window()), now)
            for name, window in windows.items():
                self._remember(name, window, now, seconds)
        for name, window in windows.items():
            self._publish(name, window, seconds)

    def _dwell(self, name: str, window: _Window, now: float) -> None:
        """Count what the requests inside have spent there since the last of them came or went."""
        window.inside_s += self._running.get(name, 0) * (now - self._counted.get(name, now))
        self._counted[name] = now

    def _window(self, name: str) -> _Window:
        return self._windows.setdefault(name, _Window())

    def _remember(self, name: str, window: _Window, now: float, seconds: float) -> None:
        keep = self._context.scaled(_REMEMBERED_MINUTES * 60)
        history = self._history.setdefault(name, deque())
        instances = _instances(self._fleets[name])
        history.append(Sample(now, seconds, window.invocations, window.inside_s / seconds, instances))
        while history and history[0].at < now - keep - seconds:
            history.popleft()

    def _publish(self, name: str, window: _Window, seconds: float) -> None:
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
        if window.inside_s:
            each = window.inside_s / seconds / _instances(self._fleets[name])
            self._context.put_metric(NAMESPACE, "ConcurrentRequestsPerModel", each, dims, "Count")
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
