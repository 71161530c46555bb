"""What every handler is wrapped in: one structured log line per invocation, its metrics in it, and lean errors.

CloudWatch reads metrics out of a log line (the embedded metric format), so they cost a few bytes of a line that is
written anyway, no library and no call.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

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
NAMESPACE = "Slipway/Functions"
# CloudWatch bills per metric and dimension value. The only dimension is the function, so these names times the
# functions that measure them are all there can ever be.
METRICS = {
    "AuditedClaims": "Count",
    "DuplicateAssessments": "Count",
    "FailedImages": "Count",
    "FiledClaims": "Count",
    "ImageBytes": "Bytes",
    "Images": "Count",
    "LowConfidence": "Count",
    "Retries": "Count",
}
Handler = Callable[[Any, Any], Any]

_measured: dict[str, float] = {}


def log(level: str, message: str, **fields: Any) -> None:
    """Print one JSON line when LOG_LEVEL asks for it. Never pass image bytes, predictions or whole events.

    Lambda's JSON log format recognises a line by ``timestamp`` and ``level``, and passes it on as it is.
    """
    if LEVELS[level] >= LEVELS.get(os.environ.get("LOG_LEVEL", "INFO"), LEVELS["INFO"]):
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        print(json.dumps({"timestamp": now, "level": level, "message": message, **fields}, default=str), flush=True)


def measure(name: str, value: float) -> None:
    """Add to a metric of this invocation; only names of METRICS."""
    if name not in METRICS:
        raise KeyError(name)
    _measured[name] = _measured.get(name, 0) + value


def entry(handle: Handler) -> Handler:
    """Wrap a handler: time it, log the outcome, and strip the traceback off the errors the workflow knows.

    Lambda copies a traceback into the error it returns, so into Step Functions' state, once per failed image. For a
    known error it tells nothing; for an unknown one it stays.
    """

    @functools.wraps(handle)
    def handled(event: Any, context: Any) -> Any:
        began = time.perf_counter()
        _measured.clear()
        outcome: dict[str, Any] = {"request_id": getattr(context, "aws_request_id", None)}
        try:
            answer = handle(event, context)
        except FunctionError as known:
            reason = {"error": type(known).__name__, "reason": str(known)}
            log("WARN", "refused", **reason, **outcome, ms=_since(began), **_metrics())
            raise known.with_traceback(None) from None
        except Exception as unknown:
            log("ERROR", "crashed", error=type(unknown).__name__, **outcome, ms=_since(began), **_metrics())
            raise
        log("INFO", "done", **outcome, ms=_since(began), **_metrics())
        return answer

    return handled


def _metrics() -> dict[str, Any]:
    """Return the fields that make CloudWatch read the line's metrics; none where nothing was measured."""
    if not _measured:
        return {}
    described = [{"Name": name, "Unit": METRICS[name]} for name in _measured]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": described}
    return {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
        **_measured,
    }


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
