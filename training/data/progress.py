"""Progress for people: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


def reporter(label: str, stream: TextIO | None = None) -> Progress:
    """A callback that shows the progress of one step on `stream` (standard error by default)."""
    stream = stream or sys.stderr
    watched = stream.isatty()
    started = time.monotonic()
    shown = {"share": -1, "at": 0.0}

    def report(done: int, total: int) -> None:
        share = 100 * done // max(total, 1)
        now = time.monotonic()
        step = 1 if watched else 25
        # Plain logs get a line per quarter, and only for steps long enough to make one wonder.
        if share // step == shown["share"] or (not watched and done < total and now - started < 2):
            return
        shown["share"] = share // step
        text = f"{label}: {done}/{total} ({share} %)"
        stream.write(f"\r{text}" + ("\n" if done >= total else "") if watched else f"{text}\n")
        stream.flush()

    return report


def counter(label: str, stream: TextIO | None = None) -> Progress:
    """A callback for a step whose end is not known: a line every two seconds, in place on a terminal."""
    stream = stream or sys.stderr
    end = "\r" if stream.isatty() else "\n"
    shown = {"at": time.monotonic()}

    def report(done: int, _: int) -> None:
        now = time.monotonic()
        if now - shown["at"] >= 2:
            shown["at"] = now
            stream.write(f"{label}: {done}{end}")
            stream.flush()

    return report
