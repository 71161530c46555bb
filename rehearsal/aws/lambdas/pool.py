"""Warm execution environments, kept per function version and configuration, some of them provisioned ahead."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.lambdas.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.context import Context

_IDLE_SECONDS = 600.0
_LIFE_SECONDS = 1500.0  # shorter than the life of the role credentials in its environment

Key = tuple[str, ...]


def key_of(fn: Any) -> Key:
    """Return what two invocations must share to share an environment."""
    return (
        fn.function_name,
        str(fn.version),
        fn.code_digest,
        fn.role,
        fn.handler,
        str(fn.memory_size),
        json.dumps(fn.environment_vars or {}, sort_keys=True),
        json.dumps(getattr(fn, "logging_config", None) or {}, sort_keys=True),
    )


class Pool:
    """All execution environments of the embedded AWS."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._idle: dict[Key, list[Worker]] = {}
        self._all: set[Worker] = set()
        self.on_provisioned_loss: Callable[[Any], None] = lambda _fn: None

    def take(self, fn: Any) -> Worker:
        """Return an idle environment for ``fn``, provisioned ones first, or start one."""
        self._reap()
        key = key_of(fn)
        with self._lock:
            waiting = self._idle.get(key, [])
            waiting.sort(key=lambda worker: worker.provisioned)
            while waiting:
                worker = waiting.pop()
                if worker.usable:
                    return worker
                self._all.discard(worker)
        return self._start(fn, provisioned=False)

    def give(self, fn: Any, worker: Worker) -> None:
        """Take back an environment after a call; one that died is forgotten."""
        if worker.usable:
            with self._lock:
                self._idle.setdefault(key_of(fn), []).append(worker)
            return
        with self._lock:
            self._all.discard(worker)
        if worker.provisioned:
            self.on_provisioned_loss(fn)

    def provision(self, fn: Any) -> bytes | None:
        """Start one provisioned environment and wait for it; return the error payload when its init failed."""
        try:
            worker = self._start(fn, provisioned=True)
        except AccessDeniedError as error:
            return json.dumps({"errorType": "AccessDeniedException", "errorMessage": str(error)}).encode()
        if worker.await_ready():
            with self._lock:
                self._idle.setdefault(key_of(fn), []).append(worker)
            return None
        failure = worker.init_failure()
        worker.stop()
        with self._lock:
            self._all.discard(worker)
        return failure

    def release(self, fn: Any, keep: int) -> None:
        """Keep ``keep`` provisioned environments of ``fn``; the others become ordinary ones and may be reaped."""
        key = key_of(fn)
        with self._lock:
            provisioned = [worker for worker in self._idle.get(key, []) if worker.provisioned]
            for worker in provisioned[keep:]:
                worker.provisioned = False

    def drop(self, function_name: str, version: str | None = None) -> None:
        """End the idle environments of a deleted function, or of one of its versions."""
        with self._lock:
            keys = [k for k in self._idle if k[0] == function_name and version in (None, k[1])]
            gone = [worker for key in keys for worker in self._idle.pop(key)]
            self._all.difference_update(gone)
        for worker in gone:
            worker.stop()

    def stop(self) -> None:
        """End every environment."""
        with self._lock:
            workers = list(self._all)
            self._all.clear()
            self._idle.clear()
        for worker in workers:
            worker.stop()

    def _start(self, fn: Any, *, provisioned: bool) -> Worker:
        worker = Worker(self._context, fn, provisioned=provisioned)
        with self._lock:
            self._all.add(worker)
        return worker

    def _reap(self) -> None:
        now = time.monotonic()
        old: list[Worker] = []
        with self._lock:
            for key, workers in list(self._idle.items()):
                stale = [
                    w
                    for w in workers
                    if not w.provisioned and (now - w.used > _IDLE_SECONDS or now - w.born > _LIFE_SECONDS)
                ]
                if stale:
                    self._idle[key] = [w for w in workers if w not in stale]
                    old += stale
            self._all.difference_update(old)
        for worker in old:
            worker.stop()
