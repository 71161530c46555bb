"""Run an event: a place under the concurrency limit, a warm environment, the handler, then logs and metrics."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rehearsal.aws.lambdas import permissions, reporting
from rehearsal.aws.lambdas.concurrency import Gate, ThrottleError
from rehearsal.aws.lambdas.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.aws.context import Context
    from rehearsal.aws.lambdas.target import Target
    from rehearsal.aws.lambdas.worker import Result


class Engine:
    """Everything about functions that lives only as long as the server."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.pool = Pool(context)
        self.gate = Gate()
        self._in_use: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def invoke(self, target: Target, event: bytes, *, reserved: int | None, allocated: int = 0) -> tuple[Result, str]:
        """Run one event and return its result and its log.

        Parameters
        ----------
        reserved
            The function's reserved concurrency, None without.
        allocated
            Provisioned environments of the qualifier that was called.

        Raises
        ------
        ThrottleError
            When no concurrency is free.
        """
        try:
            with self.gate.slot(target.name, reserved) as running, self._provisioned(target, allocated):
                worker = self.pool.take(target.fn)
                try:
                    result = worker.call(event, target.arn, float(target.fn.timeout))
                finally:
                    self.pool.give(target.fn, worker)
        except ThrottleError:
            reporting.write_throttle(self.context, target)
            raise
        lines = reporting.log_lines(target.fn, result)
        reporting.write_logs(self.context, target.fn, worker.log_stream, lines)
        reporting.write_metrics(self.context, target, result, running)
        permissions.trace(self.context, target.fn)
        return result, "\n".join(lines) + "\n"

    @contextmanager
    def _provisioned(self, target: Target, allocated: int) -> Iterator[None]:
        if not allocated or target.qualifier is None:
            yield
            return
        key = (target.name, target.qualifier)
        with self._lock:
            self._in_use[key] += 1
            in_use = self._in_use[key]
        reporting.write_provisioned(
            self.context, target, in_use=in_use, allocated=allocated, spilled=in_use > allocated
        )
        try:
            yield
        finally:
            with self._lock:
                self._in_use[key] -= 1
