"""A workload's own objective, read from its specification."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadtest.errors import LoadUsageError

WORKLOADS = Path(__file__).resolve().parent.parent / "training" / "workloads"


@dataclass(frozen=True)
class Promise:
    """What a workload promises its callers: latency in milliseconds, and the share of requests that may fail."""

    p95_ms: float
    p99_ms: float
    failures: float


def promise(workload: str) -> Promise:
    """Return what a workload promises.

    Raises
    ------
    LoadUsageError
        There is no such workload, or its specification promises nothing.
    """
    path = WORKLOADS / workload / "workload.yaml"
    known = ", ".join(sorted(found.parent.name for found in WORKLOADS.glob("*/workload.yaml")))
    if not path.is_file():
        raise LoadUsageError("workload", workload, f"name one of {known}")
    load: Any = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("load")
    try:
        return Promise(float(load["p95_ms"]), float(load["p99_ms"]), float(load["max_error_share"]))
    except (TypeError, KeyError, ValueError):
        raise LoadUsageError("load", load, f"write p95_ms, p99_ms and max_error_share into {path.name}") from None
