"""One execution environment: a process in which awslambdaric runs the handler of one function version."""

from __future__ import annotations

import json
import os
import queue
import select
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.aws import processes
from rehearsal.aws.lambdas import code, permissions
from rehearsal.aws.lambdas.runtime_api import Invocation, Mailbox, RuntimeApi

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

_INIT_SECONDS = 60.0  # AWS allows 10; a cold import beside a busy rehearsal on two cores takes longer
_DEADLINE_STEP = 0.2  # how often a waiting call looks whether the process still lives, in seconds


@dataclass(frozen=True)
class Result:
    """What one invocation left: payload, kind of error (None: success), times in milliseconds, and output."""

    payload: bytes
    error: str | None
    request_id: str
    duration_ms: float
    init_ms: float | None
    lines: list[str]


class Worker:
    """Start with the constructor, wait with :meth:`await_ready`, then :meth:`call` as often as needed.

    Raises
    ------
    rehearsal.aws.iam.decide.AccessDeniedError
        From the constructor: Lambda may not assume the function's role, or not decrypt its variables.
    """

    def __init__(self, context: Context, fn: Any, *, provisioned: bool = False) -> None:
        self.id = uuid.uuid4().hex
        self.provisioned = provisioned
        self.born = time.monotonic()
        self.used = self.born
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{fn.version}]{self.id}"
        self.init_ms = 0.0
        self._calls = 0
        self._mail = Mailbox()
        folder = code.unpack(context, fn)
        permissions.demand_start(context, fn)
        self._api = RuntimeApi(self._mail)
        try:
            own = _environment(fn, self, self._api.address, str(folder))
            env = context.process_env(permissions.of_function(context, fn), own)
            env.pop("PYTHONPATH")
            self._process = processes.spawn([sys.executable, "-m", "awslambdaric", fn.handler], env=env, cwd=folder)
        except BaseException:
            self._api.close()
            raise
        self._output = _Output(self._process.output_descriptor())

    @property
    def usable(self) -> bool:
        """Whether it can take another event."""
        return self._mail.init_error is None and self._process.poll() is None

    def await_ready(self) -> bool:
        """Wait for the end of the init phase; False when it failed."""
        while not self._mail.ready.wait(0.02):
            if self._process.poll() is not None or time.monotonic() - self.born > _INIT_SECONDS:
                break
        if not self.init_ms:
            self.init_ms = (time.monotonic() - self.born) * 1000
        return self._mail.ready.is_set() and self.usable

    def init_failure(self) -> bytes:
        """Return the payload that AWS answers when the init phase failed."""
        if self._mail.init_error is not None:
            return self._mail.init_error
        status = self._process.poll()
        if status is None:
            return _error("Runtime.InitTimeout", f"Error: Runtime did not start within {_INIT_SECONDS:.0f} seconds")
        return _error("Runtime.ExitError", f"Error: Runtime exited with error: exit status {status}")

    def call(self, event: bytes, arn: str, timeout: float) -> Result:
        """Run the handler on one event.

        Parameters
        ----------
        timeout
            Of the function, in seconds. A handler that takes longer is killed with its process, as on AWS.
        """
        request_id = str(uuid.uuid4())
        self._calls += 1
        started = time.monotonic()
        if self.await_ready():
            started = time.monotonic()
            self._mail.inbox.put(Invocation(request_id, event, arn, timeout))
            payload, error = self._answer(request_id, started + timeout, timeout)
        else:
            payload, error = self.init_failure(), "Unhandled"
            self.stop()
        self.used = time.monotonic()
        init_ms = self.init_ms if self._calls == 1 and not self.provisioned else None
        return Result(payload, error, request_id, (self.used - started) * 1000, init_ms, self._output.take())

    def _answer(self, request_id: str, deadline: float, timeout: float) -> tuple[bytes, str | None]:
        while True:
            try:
                step = min(_DEADLINE_STEP, max(0.001, deadline - time.monotonic()))
                body, failed = self._mail.outbox.get(timeout=step)
            except queue.Empty:
                status = self._process.poll()
                if status is not None:
                    self.stop()
                    cause = f"RequestId: {request_id} Error: Runtime exited with error: exit status {status}"
                    return _error("Runtime.ExitError", cause), "Unhandled"
                if time.monotonic() >= deadline:
                    self.stop()
                    cause = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
                    return _error("Sandbox.Timedout", cause), "Unhandled"
            else:
                return body, "Unhandled" if failed else None

    def stop(self) -> None:
        """End the process and its Runtime API."""
        self._api.close()
        self._process.kill()
        self._output.close()


class _Output:
    """Collects what the process prints.

    Reading in a thread keeps the pipe from filling; ``take`` reads the rest itself, so that the lines of an invocation
    are complete when its answer is. The descriptor is a copy that only the thread closes: one that others close could
    by then belong to somebody's connection.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._rest = b""
        self._open = True
        os.set_blocking(self._descriptor, False)
        threading.Thread(target=self._pump, name="function-output", daemon=True).start()

    def take(self) -> list[str]:
        with self._lock:
            self._read()
            lines, self._lines = self._lines, []
        return lines

    def close(self) -> None:
        with self._lock:
            self._read()
            self._open = False

    def _pump(self) -> None:
        watch = select.poll()
        watch.register(self._descriptor, select.POLLIN | select.POLLHUP)
        while self._open:
            if watch.poll(1000):
                with self._lock:
                    self._read()
        with self._lock:
            os.close(self._descriptor)

    def _read(self) -> None:
        while self._open:
            try:
                chunk = os.read(self._descriptor, 1 << 16)
            except BlockingIOError:
                return
            if not chunk:
                self._open = False
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._lines += [line.decode("utf-8", "replace") for line in lines]


def _environment(fn: Any, worker: Worker, api: str, folder: str) -> dict[str, str]:
    logging_config = getattr(fn, "logging_config", None) or {}
    reserved = {
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_FUNCTION_NAME": fn.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(fn.version),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(fn.memory_size),
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(fn),
        "AWS_LAMBDA_LOG_STREAM_NAME": worker.log_stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency" if worker.provisioned else "on-demand",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{fn.run_time}",
        "LAMBDA_TASK_ROOT": folder,
        "_HANDLER": fn.handler,
        "TZ": ":UTC",
    }
    if logging_config.get("LogFormat") == "JSON":
        reserved["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        reserved["AWS_LAMBDA_LOG_LEVEL"] = logging_config.get("ApplicationLogLevel", "INFO")
    return {**{k: str(v) for k, v in (fn.environment_vars or {}).items()}, **reserved}


def log_group(fn: Any) -> str:
    """Return the log group a function writes to."""
    configured = getattr(fn, "logging_config", None) or {}
    return configured.get("LogGroup") or f"/aws/lambda/{fn.function_name}"


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
