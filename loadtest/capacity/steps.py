"""The result of a load test as steps of rising load."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.errors import LoadUsageError

# A verdict may stand although the generator gave up first: a kept objective would have been kept by a better one, too.
ENDED_IT = "it gave up before the target did"


@dataclass(frozen=True)
class Step:
    """One level of load.

    Attributes
    ----------
    offered
        Requests per second that were sent on purpose; None for users who wait for their answers.
    users
        Users who waited for their answers; None where the rate was set. A fraction where they are shared out among
        instances.
    rps
        Requests answered per second, failed ones included.
    seconds
        Each measured second as (requests per second, p95 in ms or None).
    histogram
        Milliseconds -> number of requests.
    instances
        How many served, at each second that told; empty where none did.
    """

    offered: float | None
    users: float | None
    rps: float
    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    mean_ms: float | None
    duration_s: float
    seconds: tuple[tuple[float, float | None], ...] = ()
    histogram: tuple[tuple[float, int], ...] = ()
    instances: tuple[int, ...] = ()

    @property
    def load(self) -> float:
        """What the steps are sorted by: the rate that was set, else the users, else what was answered."""
        return next(value for value in (self.offered, self.users, self.rps) if value is not None)

    @property
    def goodput(self) -> float:
        """Requests per second answered as they should be; a backlog from before, beyond what was sent, is no gain."""
        rate = self.rps if self.offered is None else min(self.rps, self.offered)
        return rate * (1 - self.failures / self.requests) if self.requests else 0.0


@dataclass(frozen=True)
class Result:
    """A load test: what it was aimed at, on how many instances, with how much load and which objective.

    `unfit` says why the generator, not the target, may be what was measured; None when it was fit.
    """

    kind: str
    target: str
    steps: tuple[Step, ...]
    instances: int | None = None
    p95_ms: float | None = None
    failures: float | None = None
    unfit: str | None = None


def read(path: Path) -> Result:
    """Read `load.json`: one run, or a list of runs under `steps`.

    A step holds `requests`, `failures`, `rps`, `p50_ms`, `p95_ms`, `p99_ms` and `seconds`, and may hold `offered_rps`,
    `users`, `mean_ms`, `histogram` (pairs of milliseconds and requests) and `samples`: which of the file's samples, one
    a second, are its own (from, to).

    Raises
    ------
    LoadUsageError
        The file cannot be used; the first thing wrong is named.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LoadUsageError("result", str(path), f"name a load.json that can be read ({error.strerror})") from None
    except ValueError as error:
        raise LoadUsageError("result", str(path), f"give JSON ({error})") from None
    if not isinstance(document, dict):
        raise LoadUsageError("result", str(path), "give the object that `python -m loadtest.run` writes")
    entries = document.get("steps") or [document]
    steps = [_step(entry, f"steps[{index}]", document) for index, entry in enumerate(entries)]
    slo = document.get("slo") or {}
    return Result(
        kind=str(document.get("kind", "endpoint")),
        target=str(document.get("target", "")),
        steps=tuple(sorted(steps, key=lambda step: step.load)),
        instances=document.get("instances"),
        p95_ms=slo.get("p95_ms"),
        failures=slo.get("failures"),
        unfit=document.get("unfit") or (ENDED_IT if document.get("stopped") == "generator" else None),
    )


def _step(entry: Any, where: str, document: Mapping[str, Any]) -> Step:
    if not isinstance(entry, Mapping):
        raise LoadUsageError(where, entry, "make it an object")
    users = entry.get("users", document.get("users"))
    seconds = _samples(entry, document, where)
    return Step(
        offered=_number(entry, "offered_rps", where, needed=False),
        users=users if isinstance(users, int) else None,
        rps=_number(entry, "rps", where) or 0.0,
        requests=int(_number(entry, "requests", where) or 0),
        failures=int(_number(entry, "failures", where) or 0),
        p50_ms=_number(entry, "p50_ms", where, needed=False),
        p95_ms=_number(entry, "p95_ms", where, needed=False),
        p99_ms=_number(entry, "p99_ms", where, needed=False),
        mean_ms=_number(entry, "mean_ms", where, needed=False),
        duration_s=_number(entry, "seconds", where) or 0.0,
        seconds=tuple((float(sample["rps"]), sample.get("p95_ms")) for sample in seconds),
        histogram=tuple((float(value), int(count)) for value, count in entry.get("histogram") or ()),
        instances=tuple(sample["instances"] for sample in seconds if isinstance(sample.get("instances"), int)),
    )


def _samples(entry: Mapping[str, Any], document: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    """Return the samples of a step; a file without steps is one step itself."""
    samples = document.get("samples") or []
    if entry is document:
        return list(samples)
    match entry.get("samples"):
        case None:
            return []
        case [int(begin), int(end)]:
            return list(samples[begin:end])
        case other:
            raise LoadUsageError(f"{where}.samples", other, "give the first of the file's samples and the one after")


def _number(entry: Mapping[str, Any], key: str, where: str, *, needed: bool = True) -> float | None:
    value = entry.get(key)
    if value is None and not needed:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise LoadUsageError(f"{where}.{key}", value, "give a number of 0 or more, as `python -m loadtest.run` writes")
    return float(value)
