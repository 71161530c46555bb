"""One process that serves: it loads the model, warms it up, and only then takes connections."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import uvicorn

from training.serving import model as models
from training.serving.acceptor import Acceptor
from training.serving.app import App
from training.serving.errors import ModelError
from training.serving.log import AsLines, log, wrap_foreign_lines
from training.serving.protocol import Bounded, bounded

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from training.serving.metrics import Board, Row
    from training.serving.settings import Settings

_LINGER_S = 0.3
"""A client that keeps a connection busy asks again within this time; idle connections are closed after it."""


def serve(
    settings: Settings, listener: socket.socket, board: Board, number: int = 0, lifeline: int | None = None
) -> int:
    """Serve until told to stop.

    Parameters
    ----------
    lifeline
        File descriptor that reaches its end when the supervisor is gone.

    Returns
    -------
    the process's exit code
    """
    began = time.monotonic()
    row = board.rows[number]
    row.clear()
    row.add("starts", 1)
    wrap_foreign_lines()
    server: Server | None = None

    def stop(*_: object) -> None:
        if server is None:  # nothing has been accepted yet, and the model may take long to load
            os._exit(0)
        server.should_exit = True

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    if lifeline is not None:
        threading.Thread(target=_follow, args=(lifeline, stop), name="lifeline", daemon=True).start()
    try:
        model = models.load(settings)
    except ModelError as error:
        log("failed", reason=str(error))
        return 1
    answerer = functools.partial(models.answer, model)
    app = App(settings, answerer, model.name, model.version, board=board, number=number, when_stuck=_give_up)
    server = Server(configuration(app, settings, row), board, number)

    def ready() -> None:
        row.add("ready", 1)
        log(
            "ready",
            model=model.name,
            version=model.version,
            classes=len(model.classes),
            seconds=round(time.monotonic() - began, 3),
            pid=os.getpid(),
        )

    server.when_ready = ready
    server.run(sockets=[listener])
    row.clear()
    return 0


def _give_up() -> None:
    log("stuck", reason="the model has not come back; this process ends, so that another can take its place")
    os._exit(1)


def _follow(lifeline: int, stop: Callable[[], None]) -> None:
    os.read(lifeline, 1)
    stop()


def configuration(app: App, settings: Settings, row: Row) -> uvicorn.Config:
    """How uvicorn runs an application."""
    logger = logging.getLogger("uvicorn")
    logger.setLevel(logging.ERROR)
    logger.handlers = [AsLines()]
    logger.propagate = False
    return uvicorn.Config(
        app,
        http=bounded(settings.patience_s, row),
        ws="none",
        lifespan="on",
        interface="asgi3",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.drain_s,
    )


class Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to us and gives busy connections time to end by themselves."""

    def __init__(self, config: uvicorn.Config, board: Board, number: int) -> None:
        super().__init__(config)
        self.when_ready: Callable[[], None] = lambda: None
        self._board = board
        self._number = number
        self._acceptor: Acceptor | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them once more at the end, and a drained server has succeeded."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        await super().startup([])
        kind: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        protocol = functools.partial(
            kind, config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        assert sockets  # noqa: S101  ours always come with one
        self._acceptor = Acceptor(sockets[0], self._board, self._number, protocol)
        self.when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ask every client to go, wait for those who are busy, then close.

        A connection that is closed while its client sends the next request loses that request. So each answer says
        from now on that it is the last on its connection, and only who stays silent is cut off.
        """
        log("draining", connections=len(self.server_state.connections))
        assert self._acceptor  # noqa: S101  it has started, or it would not shut down
        self.server_state.default_headers = [(b"connection", b"close")]
        for connection in self.server_state.connections:
            assert isinstance(connection, Bounded)  # noqa: S101  what our configuration makes
            if connection.cycle is not None and not connection.cycle.response_complete:
                connection.cycle.keep_alive = False
        # After that: who sees that the port is closed must find the answers saying so too.
        await self._acceptor.stop()
        deadline = time.monotonic() + _LINGER_S
        while self.server_state.connections and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)
