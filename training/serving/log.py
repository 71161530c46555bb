"""One JSON object per line on standard error: what happened, never what was in a request."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time

_common: dict[str, object] = {}


def say_always(**facts: object) -> None:
    """Put these facts into every line from now on."""
    _common.update(facts)


def log(event: str, **facts: object) -> None:
    """Write one line, in one piece: several processes share the stream."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    line = json.dumps({"time": f"{stamp}Z", "event": event} | _common | facts, default=str)
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def wrap_foreign_lines() -> None:
    """Make lines of our own kind of what libraries in C print: libjpeg, for one, comments on every damaged image."""
    sys.stderr = os.fdopen(os.dup(2), "w", encoding="utf-8")
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    threading.Thread(target=_relay, args=(reading,), name="foreign lines", daemon=True).start()


def _relay(reading: int) -> None:
    with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            log("library", message=line.strip()[:300])


class AsLines(logging.Handler):
    """Writes what libraries log as lines of our own kind: the message and an exception's type, not what it quotes."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        error = record.exc_info[1] if record.exc_info else None
        log("library", name=record.name, message=record.getMessage(), exception=type(error).__name__ if error else None)
