"""Keeps one serving process per core alive; they share a listening socket."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.serving.log import log, say_always

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.serving.metrics import Board

GIVE_UP = 5
"""Starts in a row that end before the model is ready."""
_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Before the first, second, ... restart of a process that did not live long."""
_LONG_S = 30.0
_KILL_S = 5.0
"""What a process gets beyond its time to drain."""

_STOPPING = (signal.SIGTERM, signal.SIGINT)


@dataclass
class Worker:
    """One process, and what became of its predecessors.

    Attributes
    ----------
    pid
        0 while there is none.
    began, due
        When it was started; when it is to be started.
    short, unready
        How many of its predecessors, in a row, ended soon; or before they were ready.
    """

    number: int
    pid: int = 0
    began: float = 0.0
    due: float = 0.0
    short: int = 0
    unready: int = 0


def supervise(
    count: int, drain_s: float, listener: socket.socket, board: Board, serve: Callable[[int, int], int]
) -> int:
    """Run `serve(number, lifeline)` in `count` processes until told to stop.

    Returns
    -------
    the exit code: 0 told to stop, 1 the processes keep dying before they are ready
    """
    workers = [Worker(number) for number in range(count)]
    reading, writing = os.pipe()
    with _signals() as news:
        while True:
            for worker in workers:
                if not worker.pid and worker.due <= time.monotonic():
                    _start(worker, lambda number: serve(number, reading), (writing, news.fileno()))
            due = [worker.due for worker in workers if not worker.pid]
            received = _wait(news, max(0.0, min(due) - time.monotonic()) if due else None)
            if received & set(_STOPPING):
                code = 0
                break
            if not all(_settle(worker, code, board, workers) for worker, code in _ended(workers)):
                code = 1
                break
        listener.close()  # or clients would be kept waiting for processes that are gone
        _stop(workers, drain_s + _KILL_S, news)
    os.close(reading)
    os.close(writing)
    return code


def _start(worker: Worker, serve: Callable[[int], int], foreign: tuple[int, ...]) -> None:
    worker.began = time.monotonic()
    # A signal that came between the fork and the worker's own handlers would be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    worker.pid = os.fork()
    if worker.pid == 0:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in _STOPPING:
                signal.signal(number, lambda *_: os._exit(0))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
            for descriptor in foreign:
                os.close(descriptor)
            say_always(worker=worker.number)
            code = serve(worker.number)
        except BaseException as error:  # whatever it is, this process must not go on as a second supervisor
            log("failed", reason=f"{type(error).__name__}: {error}")
        finally:
            os._exit(code)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)


def _settle(worker: Worker, code: int, board: Board, workers: list[Worker]) -> bool:
    """Decide what follows a worker's end; False when it makes no sense to go on."""
    row = board.rows[worker.number]
    was_ready = bool(row.get("ready"))
    row.clear()
    lived = time.monotonic() - worker.began
    worker.pid = 0
    worker.unready = 0 if was_ready else worker.unready + 1
    worker.short = 0 if was_ready and lived > _LONG_S else worker.short + 1
    pause = _PAUSES_S[min(worker.short, len(_PAUSES_S)) - 1] if worker.short else 0.0
    # A model that nobody could load will not be loaded next time either.
    hopeless = code == 1 and not was_ready and not any(board.rows[other.number].get("ready") for other in workers)
    if hopeless or worker.unready >= GIVE_UP:
        log("gives up", worker=worker.number, code=code, starts=worker.unready)
        return False
    worker.due = time.monotonic() + pause
    log("restarts", worker=worker.number, code=code, ready=was_ready, lived_s=round(lived, 1), pause_s=pause)
    return True


def _stop(workers: list[Worker], patience_s: float, news: socket.socket) -> None:
    for worker in workers:
        _send(worker, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while any(worker.pid for worker in workers):
        left = deadline - time.monotonic()
        if left <= 0:
            for worker in workers:
                _send(worker, signal.SIGKILL)
        _wait(news, max(0.05, left))
        for worker, code in _ended(workers):
            worker.pid = 0
            if code:
                log("ended badly", worker=worker.number, code=code)


def _send(worker: Worker, number: int) -> None:
    if worker.pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, number)


def _ended(workers: list[Worker]) -> Iterator[tuple[Worker, int]]:
    """Workers that have ended, with their exit codes; a signal's number is negative."""
    for worker in workers:
        if worker.pid:
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                yield worker, os.waitstatus_to_exitcode(status)


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket on which the numbers of signals arrive."""
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        numbers = (*_STOPPING, signal.SIGCHLD)
        before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)


def _wait(news: socket.socket, timeout: float | None) -> set[int]:
    """Signals received within `timeout` seconds, or a worker's next start."""
    if select.select([news], [], [], timeout)[0]:
        with contextlib.suppress(BlockingIOError):
            return set(news.recv(4096))
    return set()
