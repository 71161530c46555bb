"""Shows a run while it goes on: one line rewritten on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, TextIO

# Lines that a log gets from one run, however long it is.
PLAIN_LINES = 30


class Progress:
    """Shows reports of the generator on a stream."""

    def __init__(self, stream: TextIO, seconds: float, master: str | None = None) -> None:
        self._master = master
        self._stream = stream
        self._every_s = max(1.0, seconds / PLAIN_LINES)
        self._rewrite = stream.isatty() and not os.environ.get("CI")
        self._shown = time.monotonic()
        self._level = ""
        self._open = False

    def __call__(self, report: Mapping[str, Any]) -> None:
        """Show one report."""
        if report["kind"] == "port" and self._master:
            self.note(
                f"waiting for workers at {self._master}:{report['port']}; on each machine run the same command with"
            )
            self.note(f"--worker-of {self._master}:{report['port']} in place of --master")
        elif report["kind"] == "level":
            self._begin(report)
        elif report["kind"] == "sample":
            self._sample(report)

    def note(self, text: str) -> None:
        """Show something that stays."""
        self.end()
        self._stream.write(text + "\n")
        self._stream.flush()

    def end(self) -> None:
        """Clear the rewritten line, if there is one."""
        if self._open:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._open = False

    def _begin(self, level: Mapping[str, Any]) -> None:
        load = f"{level['users']:g} users" if "users" in level else f"{level['rate']:g} arrivals/s"
        self._level = f"{level['name']}, {load}"
        self.note(f"{self._level}, for {level['seconds']:g} s")

    def _sample(self, sample: Mapping[str, Any]) -> None:
        line = sample_line(sample)
        if self._rewrite:
            self._stream.write(f"\r\x1b[2K{line}")
            self._open = True
        elif time.monotonic() - self._shown >= self._every_s:
            self._stream.write(line + "\n")
            self._shown = time.monotonic()
        self._stream.flush()


def sample_line(sample: Mapping[str, Any]) -> str:
    """Return one sample as one line of text."""
    offered = f" of {sample['offered_rps']:.1f}" if "offered_rps" in sample else ""
    waiting = "in flight" if "offered_rps" in sample else "users"
    parts = [
        f"{sample['t']:6.1f} s",
        f"{sample['users']:4d} {waiting}",
        f"{sample['rps']:8.1f}{offered}/s",
        " ".join(f"{name} {ms(sample[f'{name}_ms'])}" for name in ("p50", "p95", "p99")),
        f"{sample['failures']} failed",
    ]
    if sample.get("dropped"):
        parts.append(f"{sample['dropped']} dropped")
    if sample.get("instances") is not None:
        parts.append(f"{sample['instances']} instance{'s' * (sample['instances'] != 1)}")
    return "  ".join(parts)


def ms(value: float | None) -> str:
    """Return milliseconds for people."""
    return "-" if value is None else f"{value:.1f} ms"
