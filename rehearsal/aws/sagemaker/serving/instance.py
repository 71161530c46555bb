"""One model server: a process, its health, its connections, its log."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from rehearsal.aws import processes
from rehearsal.aws.context import REPO_ROOT
from rehearsal.aws.iam.acting import write_logs
from rehearsal.aws.sagemaker import container, images, ports, settings
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.serving.wire import Answer, Pool, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rehearsal.aws.context import Acting, Context
    from rehearsal.aws.sagemaker.serving.spec import VariantSpec

_PING_SECONDS = 2.0  # https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
_PING_EVERY_SECONDS = 1.0
_MISSED_PINGS = 3  # AWS does not say how often it asks, nor how many answers may fail
_STOP_SECONDS = 1.0


class Instance:
    """A model server that has been started."""

    def __init__(
        self, context: Context, who: Acting, log_group: str, spec: VariantSpec, base: Path, *, stream: str = ""
    ) -> None:
        """Start the process; see :meth:`wait_healthy`. ``stream`` begins the name of its log stream."""
        self.id = f"i-{secrets.token_hex(8)}"
        self.port = ports.free()
        self._context = context
        self._acting, self._group = who, log_group
        self.stream = f"{stream or spec.name}/{self.id}"
        self._pool = Pool(self.port, settings.INVOKE_SECONDS)
        self._in_flight = 0
        self._lock = threading.Lock()
        self._silent = threading.Event()
        self._ended = threading.Event()
        self._healthy_so_far = True
        self.held_until = 0.0
        self._lines: deque[str] = deque()
        image = images.resolve(spec.image, "serving")
        extra = {
            "PYTHONPATH": str(REPO_ROOT),
            "SAGEMAKER_BASE_DIR": str(base),
            "SERVING_WORKERS": "1",  # all instances share this machine: by default each would take every core
            **spec.environment,
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "SM_MODEL_DIR": str(base / "model"),
        }
        env = container.environment(context, self._acting, base, isolated=spec.isolated, extra=extra)
        self.process = processes.spawn(image.command, env=env, cwd=base)
        self._reader = threading.Thread(target=self._read, name=f"log {self.stream}", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether the process runs and answers its health checks: only then it is given requests."""
        return self._healthy_so_far and self.process.poll() is None

    @property
    def held(self) -> bool:
        """Whether it has been taken away, so that it must not be replaced yet."""
        return time.monotonic() < self.held_until

    def wait_healthy(self, seconds: float, given_up: threading.Event) -> None:
        """Wait for the first good answer to /ping.

        Raises
        ------
        FailedError
            When the process ends, or does not answer 200 within ``seconds``; or ``given_up`` is set.
        """
        deadline = time.monotonic() + seconds
        probe = Pool(self.port, _PING_SECONDS)
        try:
            for pause in itertools.chain((0.02,) * 20, itertools.repeat(0.1)):
                self.send_log()
                if self._healthy(probe):
                    threading.Thread(target=self._check, name=f"ping {self.stream}", daemon=True).start()
                    return
                if not self.alive or time.monotonic() > deadline or given_up.wait(pause):
                    raise FailedError("did not pass the ping health check")
        finally:
            probe.close()

    def call(self, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
        """POST to the server; see :meth:`Pool.request` for the errors. One that is being ended takes no more."""
        with self._lock:
            if self._ended.is_set():
                raise UnreachableError(f"{self.id} is being ended")
            self._in_flight += 1
        try:
            return self._pool.request("POST", path, headers, body)
        finally:
            with self._lock:
                self._in_flight -= 1

    def get(self, path: str) -> Answer:
        """GET from the server; see :meth:`Pool.request` for the errors."""
        return self._pool.request("GET", path, (), b"")

    def retire(self) -> None:
        """Let it finish what it has begun, then end it. The log falls silent first: a deleted log group stays so."""
        deadline = time.monotonic() + settings.DRAIN_SECONDS
        with self._lock:
            self._ended.set()
        while self._in_flight and self.alive and time.monotonic() < deadline:
            time.sleep(0.02)
        self.send_log()
        self._silent.set()
        self.process.stop(grace=_STOP_SECONDS)
        self._pool.close()

    def abandon(self) -> None:
        """End a server that did not come up or does not answer any more, and keep its last words."""
        self._ended.set()
        self.process.kill()
        self._reader.join(_STOP_SECONDS)
        self.send_log()

    def send_log(self) -> None:
        """Send the lines that the server has printed since the last time."""
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines and not self._silent.is_set():
            write_logs(self._context, "container log stream", self._acting, self._group, self.stream, lines)

    def _check(self) -> None:
        """Ask the server again and again whether it is well, as SageMaker does while an endpoint is up."""
        probe, missed = Pool(self.port, _PING_SECONDS), 0
        while missed < _MISSED_PINGS and not self._ended.wait(_PING_EVERY_SECONDS):
            missed = 0 if self._healthy(probe) else missed + 1
        probe.close()
        self._healthy_so_far = missed < _MISSED_PINGS

    def _healthy(self, probe: Pool) -> bool:
        try:
            return probe.request("GET", "/ping", (), b"").status == 200
        except OSError:
            return False

    def _read(self) -> None:
        """Take the server's output; it is sent in batches, because a busy server prints a line per request."""
        for line in self.process.lines():
            self._lines.append(line)
