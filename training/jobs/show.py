"""What a person sees of jobs: one line that is rewritten on a terminal, lines that stay, tables."""

from __future__ import annotations

import os
import re
import shutil
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

# Logs come out of containers; a terminal would obey what stands in them.
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
PLAIN_EVERY_S = 30.0


class Screen:
    """A stream with a line at its end that says how far things are."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._watched = stream.isatty() and not (os.environ.get("CI") or os.environ.get("TERM") == "dumb")
        self._line = ""
        self._said = ("", 0.0)

    def print(self, text: str = "") -> None:
        """Print a line that stays."""
        self._wipe()
        self._stream.write(clean(text) + "\n")
        self._stream.flush()

    def progress(self, text: str) -> None:
        """Rewrite the last line; where nobody watches, print it when it changes, and seldom."""
        if self._watched:
            self._wipe()
            width = shutil.get_terminal_size().columns - 1
            self._line = clean(text)[:width]
            self._stream.write(self._line)
            self._stream.flush()
            return
        before, at = self._said
        stage = text.partition(",")[0]
        if stage != before or time.monotonic() - at > PLAIN_EVERY_S:
            self._said = (stage, time.monotonic())
            self.print(text)

    def end(self) -> None:
        """Take the last line away."""
        self._wipe()
        self._stream.flush()

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
        """Print a table; columns whose numbers are in `right` stand flush right."""
        widths = [max(len(clean(row[number])) for row in (head, *rows)) for number in range(len(head))]
        for row in (head, ["-" * width for width in widths], *rows):
            cells = [
                clean(cell).rjust(width) if number in right else clean(cell).ljust(width)
                for number, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.print("  ".join(cells).rstrip())

    def _wipe(self) -> None:
        if self._line:
            self._stream.write("\r\x1b[K")
            self._line = ""


def clean(text: str) -> str:
    """Take out what a terminal would obey instead of show."""
    return CONTROL.sub("", text).replace("\t", " ")


def number(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}"


def length(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    )
