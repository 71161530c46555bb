"""Takes new clients for a worker: so that all workers end up with as many, and none is dropped at the end.

Workers share one listening socket. Left alone, whoever wakes first takes every client that has come, and keeps them for
as long as their connections live: eight clients of two workers were seen to be split seven to one.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from training.serving.log import log

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from training.serving.metrics import Board

_YIELD_S = 0.005
"""How long a worker with more clients than another leaves a new one to that other."""
_RETRY_S = 1.0


class Acceptor:
    """Accepts for one worker, one client at a time, until it is stopped."""

    def __init__(
        self, listener: socket.socket, board: Board, number: int, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._board = board
        self._number = number
        self._protocol = protocol
        self._yielded = False
        self._tasks: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._listen()

    async def stop(self) -> None:
        """Take whom the kernel has let in already, then let nobody in: a closed socket would reset those who wait."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._listener)
        with contextlib.suppress(OSError):
            while True:
                self._take()
        self._listener.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _listen(self) -> None:
        self._timer = None
        self._loop.add_reader(self._listener, self._accept)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._timer = self._loop.call_later(seconds, self._listen)

    def _accept(self) -> None:
        if not self._yielded and self._board.has_fewer_connections(self._number):
            self._yielded = True
            self._pause(_YIELD_S)
            return
        self._yielded = False
        try:
            self._take()
        except (BlockingIOError, ConnectionAbortedError):  # another worker was faster, or the client has gone
            return
        except OSError as error:
            log("cannot accept", reason=error.strerror)  # too many open files: some will be closed
            self._pause(_RETRY_S)

    def _take(self) -> None:
        connection, _ = self._listener.accept()
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
