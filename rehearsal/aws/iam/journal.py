"""What the gate found, a JSON line each: refusals, and the first use of every statement by every role."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Journal:
    """An append-only file of JSON lines that many threads write."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._lock = threading.Lock()
        self._known: set[tuple[str, ...]] = set()

    def write(self, **what: str) -> None:
        """Append one line with the time and ``what``."""
        line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **what}) + "\n"
        with self._lock:
            self._file.write(line)

    def write_first(self, *by: str, **what: str) -> None:
        """Append a line unless one with the same values of the fields ``by`` was written before."""
        key = tuple(what[name] for name in by)
        with self._lock:
            known = key in self._known
            self._known.add(key)
        if not known:
            self.write(**what)
