"""What an execution leaves behind: metrics, history in its log group, and a status-change event."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

_METRICS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def install(context: Context) -> None:
    """Report every end of an execution; :func:`started` reports the start."""
    from moto.stepfunctions.parser.backend import execution as module

    terminated = module.BaseExecutionWorkerCommunication.terminated

    def ended(self: Any) -> None:
        terminated(self)
        execution = self.execution
        seconds = (execution.stop_date - execution.start_date).total_seconds()
        dims = {"StateMachineArn": _machine(execution)}
        for name in _METRICS.values():
            context.put_metric("AWS/States", name, int(name == _METRICS.get(execution.status)), dims, "Count")
        context.put_metric("AWS/States", "ExecutionTime", seconds * 1000, dims, "Milliseconds")
        _announce(context, execution)

    module.BaseExecutionWorkerCommunication.terminated = ended


def started(context: Context, execution: Any) -> None:
    """Report that an execution has begun."""
    context.put_metric("AWS/States", "ExecutionsStarted", 1, {"StateMachineArn": _machine(execution)}, "Count")
    _announce(context, execution)


def logging_session(context: Context, execution_arn: str, configuration: dict[str, Any] | None) -> Any:
    """Return what writes an execution's history to its log group, or None when logging is off."""
    from moto.stepfunctions.parser.asl.eval.event.logging import (
        CloudWatchLoggingConfiguration,
        CloudWatchLoggingSession,
    )

    class Session(CloudWatchLoggingSession):
        """moto hands the log service objects that it cannot read; this one hands it lines."""

        def publish_history_log(self, history_log: Any) -> None:
            line = {**history_log, "event_timestamp": str(int(time.time() * 1000))}
            context.put_logs(
                self.configuration.log_group_name, self.configuration.log_stream_name, [json.dumps(line, default=str)]
            )

        def __reduce__(self) -> tuple[type[None], tuple[()]]:
            return type(None), ()  # a saved execution has ended and writes no more history

    if not configuration or configuration.get("level", "OFF") == "OFF":
        return None
    configuration = {"includeExecutionData": False, **configuration}
    parsed = CloudWatchLoggingConfiguration.from_logging_configuration(
        execution_arn.replace(":execution:", ":stateMachine:").rsplit(":", 1)[0], configuration
    )
    if parsed is None:
        return None
    name = execution_arn.rsplit(":", 2)[1]
    parsed.log_stream_name = f"states/{name}/{datetime.now(UTC):%Y-%m-%d-%H-%M}/{execution_arn.rsplit(':', 1)[1][:8]}"
    return Session(execution_arn, parsed)


def _machine(execution: Any) -> str:
    return str(execution.state_machine.arn)


def _announce(context: Context, execution: Any) -> None:
    from rehearsal.aws.events import announce

    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": _machine(execution),
        "name": execution.name,
        "status": execution.status,
        "startDate": int(execution.start_date.timestamp() * 1000),
        "stopDate": int(execution.stop_date.timestamp() * 1000) if execution.stop_date else None,
        "input": json.dumps(execution.input_data),
        "output": json.dumps(execution.output) if execution.output is not None else None,
        "error": execution.error,
        "cause": execution.cause,
    }
    announce(context, "aws.states", "Step Functions Execution Status Change", detail, [execution.exec_arn])
