"""A load test such as `python -m loadtest` leaves it, made from nothing: a server that answers up to 420 requests/s."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

CAPACITY = 420.0
USERS = (1, 2, 4, 8, 12, 16, 24, 32)
SECONDS = 15


def make_load(folder: Path) -> Path:
    """Write `load.json` and `capacity.json` of a stairs run into `folder` and return the first."""
    chance = random.Random(5)  # noqa: S311 - the same test every time, not a secret
    steps, samples = [], []
    for users in USERS:
        rps = CAPACITY * users / (users + 5.5)
        middle = users / rps * 1000
        times = [middle * math.exp(chance.gauss(-0.04, 0.3)) for _ in range(int(rps * SECONDS))]
        first = len(samples)
        for _ in range(SECONDS):
            drawn = sorted(chance.choices(times, k=int(rps)))
            samples.append({
                "t": len(samples) + 1.0, "users": users, "rps": rps * chance.uniform(0.96, 1.04),
                "failures": 3 if users == 32 else 0, "p50_ms": at(drawn, 0.5), "p95_ms": at(drawn, 0.95),
                "p99_ms": at(drawn, 0.99), "instances": 1,
                "alarms": ["slipway-rehearsal-vehicles-latency"] if users == 32 else [],
            })  # fmt: skip
        times.sort()
        steps.append({
            "users": users, "seconds": float(SECONDS), "requests": len(times), "rps": round(rps, 2),
            "failures": 45 if users == 32 else 0, "p50_ms": at(times, 0.5), "p95_ms": at(times, 0.95),
            "p99_ms": at(times, 0.99), "mean_ms": sum(times) / len(times), "samples": [first, len(samples)],
            "histogram": histogram(times), "name": f"step {len(steps) + 1}", "start_s": first + 0.0,
            "lag_p99_ms": 1.2, "cpu_share": 0.31,
        })  # fmt: skip
    checks = [
        {"name": "failures", "limit": 0.001, "actual": 0.0, "passed": True},
        {"name": "p95_ms", "limit": 100, "actual": 92.1, "passed": True},
    ]
    requests, failures = (sum(step[name] for step in steps) for name in ("requests", "failures"))
    document: dict[str, Any] = {
        "kind": "endpoint", "target": "slipway-rehearsal-vehicles",
        "judged_step": 5, "unfit": None, "cpu_share": 0.42, "lag_p99_ms": 3.1, "seed": 0,
        "scaling": [{"t": 62.5, "status": "Successful", "description": "Setting desired instance count to 1."}],
        "shape": "stairs", "arrivals": "closed", "stopped": "slo", "workers": 1, "warmup_s": 2.0,
        "requests": requests, "failures": failures, "seconds": float(len(samples)),
        "rps": requests / len(samples), "p50_ms": 32.0, "p95_ms": 88.0, "p99_ms": 121.0,
        "errors": [{"cause": "HTTP 503", "error": "HTTP 503: {\"message\": \"The queue is full\"} <b>", "count": 45}],
        "slo": {"p95_ms": 100.0, "failures": 0.001, "passed": True, "checks": checks},
        "steps": steps, "samples": samples,
    }  # fmt: skip
    write(folder / "load.json", document)
    write(folder / "capacity.json", {
        "environment": "rehearsal", "binding": False, "target": 10131, "tolerance": 0.2,
        "p95_at_target_ms": 35.2,
        "knee": {"rps": 337.7, "low": 331.2, "high": 341.9, "reason": "latency", "reached": True, "instances": 1},
        "settings": [
            {"key": "workloads.vehicles.endpoint.scaling.invocations_per_instance", "now": 1500, "wanted": 10131,
             "why": "337.7/s x 0.5 x 60", "agrees": False},
            {"key": "workloads.vehicles.endpoint.scaling.min", "now": 2, "wanted": 2, "why": "trough 40/s",
             "agrees": True},
        ],
        "notes": ["min and max follow a forecast: give --peak-rps and --trough-rps, or --trace"],
    })  # fmt: skip
    return folder / "load.json"


def at(times: list[float], share: float) -> float:
    return round(times[min(int(share * len(times)), len(times) - 1)], 2)


def histogram(times: list[float]) -> list[list[float]]:
    found: dict[float, int] = {}
    for time in times:
        found[round(time, 1)] = found.get(round(time, 1), 0) + 1
    return [[value, found[value]] for value in sorted(found)]


def write(path: Path, content: Any) -> None:
    """Write JSON, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
