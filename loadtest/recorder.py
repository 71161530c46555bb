"""Runs inside the Locust process: leaves the warm-up out, samples every second, reports on standard output.

Each report is one JSON line with a `kind`: `warm` once, `sample` every second, `result` at the end.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, NamedTuple

import gevent
import locust.stats
from locust.env import Environment
from locust.runners import Runner
from locust.stats import RequestStats

from loadtest.histogram import bucket, difference, percentile

SAMPLE_EVERY_S = 1.0
# A shorter rest at the end of a run would show a throughput made of a handful of requests.
SHORTEST_SAMPLE_S = 0.25
MAX_ERRORS = 20


def attach(environment: Environment, runner: Runner, warmup_s: float, measure_s: float) -> None:
    """Measure for `measure_s` seconds once all users run and `warmup_s` more have passed, then end the run."""
    # Locust asks for whole milliseconds here, and works with any number.
    locust.stats.bucket_response_time = bucket  # type: ignore[assignment]

    def when_spawned(**_: Any) -> None:
        gevent.spawn(_measure, runner, warmup_s, measure_s)

    environment.events.spawning_complete.add_listener(when_spawned)


class Snapshot(NamedTuple):
    """What had happened `t` seconds into the measurement."""

    t: float
    requests: int
    failures: int
    histogram: dict[float, int]


def _measure(runner: Runner, warmup_s: float, measure_s: float) -> None:
    gevent.sleep(warmup_s)
    runner.stats.clear_all()
    _report("warm")
    start, last = time.perf_counter(), Snapshot(0.0, 0, 0, {})
    while last.t < measure_s:
        gevent.sleep(max(0.0, min(last.t + SAMPLE_EVERY_S, measure_s) - (time.perf_counter() - start)))
        now = _snapshot(runner.stats, start)
        if now.t - last.t < SHORTEST_SAMPLE_S:
            break
        _report("sample", users=runner.user_count, **_sample(last, now))
        last = now
    _report("result", **_result(runner.stats, _snapshot(runner.stats, start)))
    runner.quit()


def _snapshot(stats: RequestStats, start: float) -> Snapshot:
    total = stats.total
    histogram = {float(value): count for value, count in total.response_times.items()}
    return Snapshot(time.perf_counter() - start, total.num_requests, total.num_failures, histogram)


def _sample(last: Snapshot, now: Snapshot) -> dict[str, Any]:
    window = difference(now.histogram, last.histogram)
    return {
        "t": round(now.t, 3),
        "rps": round((now.requests - last.requests) / (now.t - last.t), 2),
        "failures": now.failures - last.failures,
        "p50_ms": percentile(window, 0.5),
        "p95_ms": percentile(window, 0.95),
    }


def _result(stats: RequestStats, end: Snapshot) -> dict[str, Any]:
    total = stats.total
    errors = sorted(stats.errors.values(), key=lambda error: -error.occurrences)
    return {
        "seconds": round(end.t, 3),
        "requests": end.requests,
        "failures": end.failures,
        "rps": round(end.requests / end.t, 2),
        "p50_ms": percentile(end.histogram, 0.5),
        "p95_ms": percentile(end.histogram, 0.95),
        "p99_ms": percentile(end.histogram, 0.99),
        "mean_ms": round(total.avg_response_time, 3) if end.requests else None,
        "max_ms": round(total.max_response_time, 3) if end.requests else None,
        "errors": [{"error": str(error.error)[:300], "count": error.occurrences} for error in errors[:MAX_ERRORS]],
        "histogram": [[value, end.histogram[value]] for value in sorted(end.histogram)],
    }


def _report(kind: str, **facts: Any) -> None:
    sys.stdout.write(json.dumps({"kind": kind, **facts}) + "\n")
    sys.stdout.flush()
