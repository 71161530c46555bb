"""What the gate refuses, or in ``log`` mode would refuse: one JSON line each, with the decisive statement."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Denials:
    """Writes ``denials.jsonl``."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, **what: str) -> None:
        """Append one line with the time and ``what``."""
        line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **what}) + "\n"
        with self._lock:
            self._file.write(line)
