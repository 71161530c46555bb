"""One load test: who sends what where, how much of it and when. Crosses process borders as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from loadtest.capacity.knee import Objective
from loadtest.errors import LoadUsageError
from loadtest.shapes import Level, Shape, Stairs

Kind = Literal["endpoint", "function", "workflow"]
Arrivals = Literal["closed", "poisson", "constant", "recorded"]

# Beyond this, one machine measures itself instead of the target.
MAX_USERS = 5000
MAX_IN_FLIGHT = 20_000
MAX_WORKERS = 64
MAX_WARMUP_S = 3600.0
MAX_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Plan:
    """A load test.

    Attributes
    ----------
    kind, target
        `endpoint` sends images to a SageMaker endpoint, `function` events to a Lambda alias, `workflow` inputs to a
        state machine, each by name; a state machine by its ARN too.
    payloads
        Folder of images, or JSON Lines file of events or inputs.
    shape
        The levels: users when `arrivals` is `closed`, arrivals per second otherwise.
    warmup_s
        Time before the first level, at its load, that is left out of every figure.
    max_in_flight
        Requests that may wait for an answer at once when arrivals are open; what comes beyond is dropped.
    timeout_s
        Seconds after which an unanswered request has failed, or an execution that has not ended.
    max_lag_ms
        99th percentile of the generator's own delay above which it is not fit to judge anything.
    workers
        Processes that send; 0 for the one that also counts.
    batch
        Images per request, in turn; empty for plain image bytes.
    """

    kind: Kind
    target: str
    payloads: Path
    shape: Shape
    arrivals: Arrivals = "closed"
    alias: str = "live"
    warmup_s: float = 2.0
    seed: int = 0
    max_in_flight: int = 1000
    timeout_s: float = 60.0
    max_lag_ms: float = 100.0
    workers: int = 0
    batch: tuple[int, ...] = ()
    trace: Path | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not self.target.strip():
            raise LoadUsageError("target", self.target, f"name a deployed {self.kind}")
        if self.arrivals == "closed" and (self.shape.most > MAX_USERS or self.shape.levels[0].amount < 1):
            raise LoadUsageError("users", self.shape.most, f"give 1 to {MAX_USERS}")
        for name, most in (("max_in_flight", MAX_IN_FLIGHT), ("timeout_s", MAX_TIMEOUT_S), ("max_lag_ms", 60_000)):
            if not 0 < getattr(self, name) <= most:
                raise LoadUsageError(name, getattr(self, name), f"give more than 0 and at most {most:g}")
        if not 0 <= self.warmup_s <= MAX_WARMUP_S:
            raise LoadUsageError("warmup", self.warmup_s, f"give 0 to {MAX_WARMUP_S:.0f}")
        if not 0 <= self.workers <= MAX_WORKERS:
            raise LoadUsageError("workers", self.workers, f"give 0 to {MAX_WORKERS}")

    @property
    def processes(self) -> int:
        """How many processes send."""
        return max(1, self.workers)

    @property
    def drain_s(self) -> float:
        """Seconds that the last requests are waited for."""
        return self.timeout_s + 5.0

    def document(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self), default=str)

    def digest(self, payloads: Iterable[bytes]) -> str:
        """Return a digest of what is sent: the same on every machine, wherever its files lie."""
        text = replace(self, payloads=Path(), trace=None if self.trace is None else Path()).document()
        made = hashlib.sha256(text.encode())
        for body in payloads:
            made.update(hashlib.sha256(body).digest())
        return made.hexdigest()[:16]

    @staticmethod
    def read(text: str) -> Plan:
        """Return the plan that `document` wrote."""
        facts: dict[str, Any] = json.loads(text)
        shape, rules = facts.pop("shape"), None
        if shape["stairs"] is not None:
            rules = Stairs(**{**shape["stairs"], "objective": Objective(**shape["stairs"]["objective"])})
        levels = tuple(Level(**level) for level in shape["levels"])
        facts["payloads"] = Path(facts["payloads"])
        facts["trace"] = Path(facts["trace"]) if facts["trace"] else None
        facts["batch"] = tuple(facts["batch"])
        return Plan(shape=Shape(shape["name"], levels, rules), **facts)
