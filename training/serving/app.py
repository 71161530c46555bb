"""The HTTP side: /ping, /invocations and /metrics as raw ASGI."""

from __future__ import annotations

import asyncio
import http
import json
from typing import TYPE_CHECKING, Any

from training.serving.batcher import Batcher
from training.serving.decision import together
from training.serving.errors import RequestError
from training.serving.intake import JSON_TYPE, GoneError, Intake, check_types, instances
from training.serving.log import log
from training.serving.metrics import Board

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from training.serving.batcher import Answerer
    from training.serving.intake import Receive
    from training.serving.settings import Settings

    Scope = dict[str, Any]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class App:
    """The ASGI application of one process.

    Parameters
    ----------
    answerer
        The model: from images to their answers, called in a thread of its own.
    name, version
        Of the model; every answer names them.
    board, number
        Where all workers count, and the row that is this one's.
    when_stuck
        Called when the model has not come back for twice the time that a request may take.
    """

    def __init__(
        self,
        settings: Settings,
        answerer: Answerer,
        name: str,
        version: str,
        *,
        board: Board | None = None,
        number: int = 0,
        when_stuck: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._answerer = answerer
        self._when_stuck = when_stuck
        self._board = board or Board(1)
        self._row = self._board.rows[number]
        self._intake = Intake(settings, self._row)
        self._batcher: Batcher | None = None
        self._tail = b', "model": %s}' % json.dumps({"name": name, "version": version}).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or begin and end the application."""
        if scope["type"] == "http":
            if scope["path"] == "/invocations":
                await self._invocations(scope, receive, send)
            else:
                await self._other(scope, send)
        elif scope["type"] == "lifespan":
            await receive()
            self._batcher = Batcher(self._answerer, self._settings, self._row, self._when_stuck)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self._batcher.stop()
            await send({"type": "lifespan.shutdown.complete"})

    async def _invocations(self, scope: Scope, receive: Receive, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            status, content = 200, await self._answer(scope, receive, began)
        except RequestError as error:
            status, content = error.status, _document(error)
            log("refused", status=status, field=error.field, value=error.value, ms=round(1000 * (clock() - began), 1))
        except GoneError:
            return
        await _respond(send, status, _JSON, content)
        self._row.answered(status, clock() - began)

    async def _other(self, scope: Scope, send: Send) -> None:
        path = scope["path"]
        if path == "/ping":
            await _respond(send, 200, _JSON, b"{}")
        elif path == "/metrics":
            await _respond(send, 200, _TEXT, self._board.text())
        else:
            error = RequestError(404, "path", path[:100], "use /ping, /invocations or /metrics")
            await _respond(send, 404, _JSON, _document(error))

    async def _answer(self, scope: Scope, receive: Receive, began: float) -> bytes:
        if scope["method"] != "POST":
            raise RequestError(405, "method", scope["method"], "POST an image to /invocations")
        headers = dict(scope["headers"])
        kind = check_types(headers)
        body = await self._intake.read(receive, headers.get(b"content-length"))
        try:
            assert self._batcher is not None  # noqa: S101  requests come after the start
            if kind != JSON_TYPE:
                answer = await self._batcher.submit([body], began)[0]
                return b'{"predictions": %s%s' % (answer, self._tail)
            images = instances(body, self._settings.max_instances)
            return await self._answer_all(self._batcher.submit(images, began))
        finally:
            self._intake.release(len(body))

    async def _answer_all(self, futures: list[asyncio.Future[bytes]]) -> bytes:
        # return_exceptions: wait for all, so that no future is left behind with an exception nobody reads.
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for position, answer in enumerate(answers):
            if isinstance(answer, RequestError):
                raise RequestError(answer.status, f"instances[{position}].{answer.field}", answer.value, answer.remedy)
        return b'{"predictions": %s%s' % (together(answers), self._tail)  # type: ignore[arg-type]


def _document(error: RequestError) -> bytes:
    name = http.HTTPStatus(error.status).phrase.title().replace(" ", "")
    return json.dumps({"error": name, "field": error.field, "value": error.value, "remedy": error.remedy}).encode()


async def _respond(send: Send, status: int, kind: tuple[bytes, bytes], content: bytes) -> None:
    headers = [kind, (b"content-length", b"%d" % len(content))]
    if status == 413:
        # The rest of the body may not have been read, so the connection cannot be used again.
        headers.append((b"connection", b"close"))
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
