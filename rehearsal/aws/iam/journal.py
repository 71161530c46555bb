"""What was decided, a JSON line each: refusals, and the first use of every statement by every role."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MODES = ("off", "log", "enforce")


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


@dataclass(frozen=True)
class Book:
    """How decisions are taken, and where they are written."""

    mode: str
    denials: Journal
    uses: Journal

    @property
    def enforces(self) -> bool:
        """Whether a refusal is carried out, not only written down."""
        return self.mode == "enforce"


_book: list[Book] = []


def open_book(mode: str, root: Path) -> Book | None:
    """Begin to decide in this process, or with ``off`` leave it. Journals that are there already are continued."""
    if mode not in MODES:
        raise ValueError(f"iam must be {', '.join(MODES)}, got {mode!r}")
    _book.clear()
    if mode == "off":
        return None
    _book.append(Book(mode, Journal(root / "denials.jsonl"), Journal(root / "uses.jsonl")))
    return _book[0]


def book() -> Book | None:
    """Return the book of this process; None where nothing is decided."""
    return _book[0] if _book else None
