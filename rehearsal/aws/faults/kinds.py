"""What faults there are and what each needs to know; everything else is refused with the remedy."""

from __future__ import annotations

import math
import threading
import time
import uuid
from dataclasses import dataclass, field, fields
from typing import Any

LONGEST_SECONDS = 600.0
LONGEST_DELAY_SECONDS = 50.0  # SageMaker itself ends a call after 60


@dataclass(frozen=True)
class Kind:
    """The fields that a fault must have and those that it may have."""

    needs: tuple[str, ...]
    may: tuple[str, ...]


KINDS = {
    "kill-server": Kind(("endpoint",), ("variant",)),
    "freeze-server": Kind(("endpoint", "seconds"), ("variant",)),
    "take-instance": Kind(("endpoint", "seconds"), ("variant",)),
    "slow-model": Kind(("endpoint", "seconds", "delay_s"), ("variant", "share", "count")),
    "fail-model": Kind(("endpoint", "seconds", "status"), ("variant", "share", "count")),
    "throttle": Kind(("endpoint", "seconds"), ("share", "count")),
    "slow-storage": Kind(("bucket", "seconds", "delay_s"), ("prefix", "share", "count")),
    "interrupt-training": Kind(("job", "seconds", "count"), ("delay_s",)),
}
"""By name. A killed server is started anew at once, a taken instance only after its time; a frozen server hangs. The
capacity of a spot job is taken once it has trained for ``delay_s``, on each new capacity again up to ``count``."""


class FaultError(ValueError):
    """A fault that cannot be; the message names field, value and remedy."""

    @classmethod
    def of(cls, name: str, value: Any, remedy: str) -> FaultError:
        """Return the error of one field."""
        return cls(f"fault {name}: {value!r} {remedy}")


@dataclass(eq=False)
class Fault:
    """One fault.

    Attributes
    ----------
    seconds
        How long it holds, on this machine's clock.
    share
        Of the matching requests that it strikes, above 0 to 1.
    count
        It strikes this often at most; None for no limit but its time.
    delay_s
        How much later an answer comes.
    status
        What the model answers instead.
    struck
        How often it has struck.
    instance
        The one that it has struck, of the kinds that strike a server.
    """

    kind: str
    endpoint: str = ""
    variant: str = ""
    bucket: str = ""
    prefix: str = ""
    job: str = ""
    seconds: float = 0.0
    share: float = 1.0
    count: int | None = None
    delay_s: float = 0.0
    status: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    struck: int = 0
    instance: str = ""
    over: threading.Event = field(default_factory=threading.Event, repr=False)
    until: float = 0.0

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.seconds

    @property
    def ended(self) -> bool:
        """Whether its time or its count is over, or it has been cleared."""
        used_up = self.count is not None and self.struck >= self.count
        return used_up or self.over.is_set() or time.monotonic() >= self.until

    def document(self) -> dict[str, Any]:
        """Return what it is and how often it struck, without what its kind does not have."""
        kind = KINDS[self.kind]
        shown = ("id", "kind", *kind.needs, *kind.may, "instance", "struck")
        return {name: getattr(self, name) for name in shown if getattr(self, name) not in ("", None)}


_NUMBERS: dict[str, tuple[float, float]] = {
    "seconds": (0.1, LONGEST_SECONDS),
    "delay_s": (0.001, LONGEST_DELAY_SECONDS),
    "share": (0.001, 1.0),
    "count": (1, 1_000_000),
    "status": (400, 599),
}
_WHOLE = {"count", "status"}
_TEXTS = {one.name for one in fields(Fault) if one.type == "str"} - {"kind", "id", "instance"}


def read(document: Any) -> Fault:
    """Return the fault that a document describes.

    Raises
    ------
    FaultError
        For an unknown kind, a field that is missing, unknown, of the wrong type or out of its range.
    """
    if not isinstance(document, dict):
        raise FaultError.of("document", type(document).__name__, "is no JSON object: send kind and its fields")
    name = document.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise FaultError.of("kind", name, f"is none of {', '.join(KINDS)}")
    given = {key: value for key, value in document.items() if key != "kind"}
    allowed = (*kind.needs, *kind.may)
    for key, value in given.items():
        if key not in allowed:
            raise FaultError.of(key, value, f"is no field of {name}: it has {', '.join(allowed)}")
    for key in kind.needs:
        if key not in given:
            raise FaultError.of(key, None, f"is missing: {name} needs {', '.join(kind.needs)}")
    return Fault(kind=str(name), **{key: _value(key, value) for key, value in given.items()})


def _value(name: str, value: Any) -> Any:
    if name in _TEXTS:
        if not isinstance(value, str) or not value.strip():
            raise FaultError.of(name, value, "is no name: give a text that is not empty")
        return value
    low, high = _NUMBERS[name]
    kinds = (int,) if name in _WHOLE else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value) or not low <= value <= high:
        what = "whole number" if name in _WHOLE else "number"
        raise FaultError.of(name, value, f"must be a {what} from {low:g} to {high:g}")
    return value
