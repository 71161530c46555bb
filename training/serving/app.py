"""The HTTP side: /ping and /invocations as raw ASGI."""

from __future__ import annotations

import asyncio
import base64
import binascii
import http
import json
import time
from typing import TYPE_CHECKING, Any

from training.serving.batcher import Batcher
from training.serving.errors import RequestError
from training.serving.log import log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from training.serving.settings import Settings

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

IMAGE_TYPES = frozenset({"image/png", "image/jpeg"})
JSON_TYPE = "application/json"

_JSON_HEADER = (b"content-type", b"application/json")


class App:
    """The ASGI application of one process; `give_up` is called when the model cannot be loaded."""

    def __init__(self, settings: Settings, give_up: Callable[[], None]) -> None:
        self.settings = settings
        self.batcher: Batcher | None = None
        self._give_up = give_up
        self._started = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        # Listen at once and answer /ping with 503 while the model loads in its own thread.
        self.batcher = Batcher(self.settings, self._loaded)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        log("draining")
        await self.batcher.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _loaded(self) -> None:
        batcher = self.batcher
        if batcher is None or batcher.model is None:
            log("failed", reason=str(batcher.failure if batcher else "stopped"))
            self._give_up()
            return
        seconds = round(time.monotonic() - self._started, 3)
        model = batcher.model
        log("ready", model=model.name, version=model.version, classes=len(model.classes), seconds=seconds)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            status, content = 200, await self._route(scope, receive)
        except RequestError as error:
            status = error.status
            document = {
                "error": http.HTTPStatus(status).phrase.title().replace(" ", ""),
                "field": error.field,
                "value": error.value,
                "remedy": error.remedy,
            }
            content = json.dumps(document).encode()
            if scope["path"] != "/ping":
                taken = round(1000 * (time.perf_counter() - started), 1)
                log("refused", status=status, field=error.field, value=error.value, ms=taken)
        except _GoneError:
            return
        headers = [_JSON_HEADER, (b"content-length", str(len(content)).encode())]
        if status == 503:
            headers.append((b"retry-after", b"1"))
        if status in {408, 413}:
            # The rest of the body may not have been read, so the connection cannot be used again.
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _route(self, scope: Scope, receive: Receive) -> bytes:
        path, method = scope["path"], scope["method"]
        if path == "/invocations":
            if method != "POST":
                raise RequestError(405, "method", method, "POST an image to /invocations")
            return await self._invoke(scope, receive)
        if path != "/ping":
            raise RequestError(404, "path", path[:100], "use /ping or /invocations")
        if self.batcher is None or self.batcher.model is None:
            raise RequestError(503, "server", "starting", "the model is being loaded; try again")
        return b"{}"

    async def _invoke(self, scope: Scope, receive: Receive) -> bytes:
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        if kind not in IMAGE_TYPES and kind != JSON_TYPE:
            known = ", ".join([*sorted(IMAGE_TYPES), JSON_TYPE])
            raise RequestError(415, "content-type", kind[:100], f"send one of {known}")
        announced = headers.get(b"content-length")
        body = await _read(receive, announced, self.settings.max_body_bytes, self.settings.patience_s)
        batcher = self.batcher
        if batcher is None:
            raise RequestError(503, "server", "starting", "the model is being loaded; try again")
        if kind == JSON_TYPE:
            instances = _instances(body, self.settings.max_instances)
            # return_exceptions: wait for all, so that no future is left behind with an exception nobody reads.
            answers = await asyncio.gather(*batcher.submit(instances), return_exceptions=True)
            for position, answer in enumerate(answers):
                if isinstance(answer, RequestError):
                    field = f"instances[{position}].{answer.field}"
                    raise RequestError(answer.status, field, answer.value, answer.remedy)
            predictions: Any = answers
        else:
            predictions = await batcher.submit([body])[0]
        model = batcher.model
        assert model is not None  # noqa: S101  submit has refused otherwise
        return json.dumps(
            {"predictions": predictions, "model": {"name": model.name, "version": model.version}}
        ).encode()


class _GoneError(Exception):
    """The client went away before its request was complete."""


async def _read(receive: Receive, announced: bytes | None, limit: int, patience_s: float) -> bytes:
    """The body; nothing beyond `limit` is kept, and nobody may take longer than `patience_s` to send it."""
    parts: list[bytes] = []
    length = 0
    too_long = announced is not None and announced.isdigit() and int(announced) > limit
    try:
        async with asyncio.timeout(patience_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _GoneError
                part = message.get("body", b"")
                length += len(part)
                if length > limit:
                    too_long = True
                    parts.clear()
                if not too_long:
                    parts.append(part)
                # A client that is still sending would see a reset instead of the answer, so a little more is swallowed.
                if not message.get("more_body") or length > 4 * limit:
                    break
    except TimeoutError:
        remedy = f"a body must arrive within {patience_s:g} s; check the connection and send it again"
        raise RequestError(408, "body bytes", length, remedy) from None
    if too_long:
        value = length if announced is None else int(announced)
        raise RequestError(413, "body bytes", value, f"a request may have {limit} bytes; send fewer or smaller images")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _instances(body: bytes, limit: int) -> list[bytes]:
    """The images of a JSON request: {"instances": [{"b64": "..."}, ...]}."""
    remedy = 'send {"instances": [{"b64": "<base64 of a PNG or JPEG>"}, ...]}'
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, "body", f"not JSON ({str(error)[:80]})", remedy) from None
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list) or not instances:
        raise RequestError(400, "instances", type(instances).__name__, f"must be a list that is not empty; {remedy}")
    if len(instances) > limit:
        raise RequestError(
            413, "instances", len(instances), f"a request may hold {limit} images; send several requests"
        )
    images = []
    for position, instance in enumerate(instances):
        text = instance.get("b64") if isinstance(instance, dict) else None
        try:
            images.append(base64.b64decode(text, validate=True))  # type: ignore[arg-type]
        except (TypeError, ValueError, binascii.Error):
            raise RequestError(400, f"instances[{position}].b64", type(text).__name__, remedy) from None
    return images
