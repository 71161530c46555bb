"""The faults that hold just now. Every request looks here, so that looking costs nothing while there is none."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.aws.faults.kinds import Fault

log = logging.getLogger(__name__)

_lock = threading.Lock()
_active: list[Fault] = []
_ended: deque[Fault] = deque(maxlen=100)
"""Those that ended by themselves: whoever began one may still ask how often it struck."""


def add(fault: Fault) -> None:
    """Let a fault hold from now on, until its time is over."""
    with _lock:
        _active.append(fault)
    log.warning("fault begins: %s", fault.document())


def active() -> list[Fault]:
    """Return the faults that hold."""
    return list(_active)


def any_active() -> bool:
    """Whether any fault may hold."""
    return bool(_active)


def end(name: str) -> Fault | None:
    """End one fault by its id and return it, also when it has ended by itself; None for an id that is not known."""
    with _lock:
        known = next((fault for fault in (*_active, *_ended) if fault.id == name), None)
        if known is not None and known in _active:
            _active.remove(known)
            _ended.append(known)
            log.warning("fault ends: %s", known.document())
    if known is not None:
        known.over.set()
    return known


def clear() -> list[Fault]:
    """End all faults and return them."""
    return [found for fault in active() if (found := end(fault.id)) is not None]


def strikes(
    kind: str, *, endpoint: str = "", variant: str = "", bucket: str = "", key: str = "", job: str = ""
) -> Fault | None:
    """Return the fault of a kind that strikes this request, and count it; None for nearly every request."""
    if not _active:
        return None
    with _lock:
        for fault in _active:
            if (
                fault.kind == kind
                and fault.endpoint == endpoint
                and fault.variant in ("", variant)
                and fault.bucket == bucket
                and fault.job == job
                and key.startswith(fault.prefix)
                and not fault.ended
                and random.random() < fault.share  # noqa: S311 (a share of the requests, no secret)
            ):
                fault.struck += 1
                return fault
    return None
