"""What Lambda leaves behind after an event: log lines in the function's log group, and metrics."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import acting
from rehearsal.aws.lambdas import permissions
from rehearsal.aws.lambdas.worker import log_group

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.lambdas.target import Target
    from rehearsal.aws.lambdas.worker import Result

NAMESPACE = "AWS/Lambda"


def log_lines(fn: Any, result: Result) -> list[str]:
    """Return the lines of one invocation, with the platform's own START, END and REPORT."""
    billed = math.ceil(result.duration_ms)
    if (getattr(fn, "logging_config", None) or {}).get("LogFormat") == "JSON":
        return _json_lines(fn, result, billed)
    report = [
        f"REPORT RequestId: {result.request_id}",
        f"Duration: {result.duration_ms:.2f} ms",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {fn.memory_size} MB",
    ]
    if result.init_ms is not None:
        report.append(f"Init Duration: {result.init_ms:.2f} ms")
    timed_out = b"Sandbox.Timedout" in result.payload and result.error is not None
    note = [f"{_now()} {result.request_id} Task timed out after {fn.timeout:.2f} seconds"] if timed_out else []
    start = f"START RequestId: {result.request_id} Version: {fn.version}"
    return [start, *result.lines, *note, f"END RequestId: {result.request_id}", "\t".join(report)]


def _json_lines(fn: Any, result: Result, billed: int) -> list[str]:
    metrics: dict[str, Any] = {
        "durationMs": round(result.duration_ms, 3),
        "billedDurationMs": billed,
        "memorySizeMB": fn.memory_size,
    }
    if result.init_ms is not None:
        metrics["initDurationMs"] = round(result.init_ms, 3)
    start = {"requestId": result.request_id, "version": str(fn.version)}
    report = {
        "requestId": result.request_id,
        "metrics": metrics,
        "status": "success" if result.error is None else "error",
    }
    return [
        json.dumps({"time": _now(), "type": "platform.start", "record": start}),
        *result.lines,
        json.dumps({"time": _now(), "type": "platform.report", "record": report}),
    ]


def write_logs(context: Context, fn: Any, stream: str, lines: list[str]) -> None:
    """Put the lines where the function's logging configuration says, with the function's role."""
    who = permissions.of_function(context, fn)
    acting.write_logs(context, "function log stream", who, log_group(fn), stream, lines)


def write_metrics(context: Context, target: Target, result: Result, running: int) -> None:
    """Publish Invocations, Errors, Duration (milliseconds) and ConcurrentExecutions."""
    for dims in _dimensions(target):
        context.put_metric(NAMESPACE, "Invocations", 1, dims, "Count")
        context.put_metric(NAMESPACE, "Errors", 0 if result.error is None else 1, dims, "Count")
        context.put_metric(NAMESPACE, "Throttles", 0, dims, "Count")
        context.put_metric(NAMESPACE, "Duration", result.duration_ms, dims, "Milliseconds")
        context.put_metric(NAMESPACE, "ConcurrentExecutions", running, dims, "Count")


def write_throttle(context: Context, target: Target) -> None:
    """Count one event that was refused."""
    for dims in _dimensions(target):
        context.put_metric(NAMESPACE, "Throttles", 1, dims, "Count")


def write_provisioned(context: Context, target: Target, *, in_use: int, allocated: int, spilled: bool) -> None:
    """Publish what target tracking on provisioned concurrency reads."""
    dims = {"FunctionName": target.name, "Resource": f"{target.name}:{target.qualifier}"}
    context.put_metric(NAMESPACE, "ProvisionedConcurrencyUtilization", min(1.0, in_use / allocated), dims, "None")
    context.put_metric(NAMESPACE, "ProvisionedConcurrentExecutions", min(in_use, allocated), dims, "Count")
    name = "ProvisionedConcurrencySpilloverInvocations" if spilled else "ProvisionedConcurrencyInvocations"
    context.put_metric(NAMESPACE, name, 1, dims, "Count")


def _dimensions(target: Target) -> list[dict[str, str]]:
    plain = {"FunctionName": target.name}
    if target.qualifier is None:
        return [plain]
    return [plain, {"FunctionName": target.name, "Resource": f"{target.name}:{target.qualifier}"}]


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
