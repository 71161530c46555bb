"""What every handler is wrapped in: one structured log line per invocation, and lean errors."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .errors import FunctionError

# Lambda's names of the levels, and Python's for the one that differs.
LEVELS = {"DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40}
Handler = Callable[[Any, Any], Any]


def log(level: str, message: str, **fields: Any) -> None:
    """Print one JSON line when LOG_LEVEL asks for it. Never pass image bytes, predictions or whole events.

    Lambda's JSON log format recognises a line by ``timestamp`` and ``level``, and passes it on as it is.
    """
    if LEVELS[level] >= LEVELS.get(os.environ.get("LOG_LEVEL", "INFO"), LEVELS["INFO"]):
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        print(json.dumps({"timestamp": now, "level": level, "message": message, **fields}, default=str), flush=True)


def entry(handle: Handler) -> Handler:
    """Wrap a handler: time it, log the outcome, and strip the traceback off the errors the workflow knows.

    Lambda copies a traceback into the error it returns, so into Step Functions' state, once per failed image. For a
    known error it tells nothing; for an unknown one it stays.
    """

    @functools.wraps(handle)
    def handled(event: Any, context: Any) -> Any:
        began = time.perf_counter()
        outcome: dict[str, Any] = {"request_id": getattr(context, "aws_request_id", None)}
        try:
            answer = handle(event, context)
        except FunctionError as known:
            log("WARN", "refused", error=type(known).__name__, reason=str(known), **outcome, ms=_since(began))
            raise known.with_traceback(None) from None
        except Exception as unknown:
            log("ERROR", "crashed", error=type(unknown).__name__, **outcome, ms=_since(began))
            raise
        log("INFO", "done", **outcome, ms=_since(began))
        return answer

    return handled


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
