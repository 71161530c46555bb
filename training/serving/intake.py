"""Takes requests in: their types, and their bodies, bounded in size and in what all of them hold together."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from training.serving.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from training.serving.metrics import Row
    from training.serving.settings import Settings

    Receive = Callable[[], Awaitable[dict[str, Any]]]

IMAGE_TYPES = frozenset({"image/png", "image/jpeg"})
JSON_TYPE = "application/json"

_ANSWERABLE = frozenset({"", "*/*", "application/*", JSON_TYPE})


class GoneError(Exception):
    """The client went away before its request was complete."""


class Intake:
    """Reads the bodies of one process."""

    def __init__(self, settings: Settings, row: Row) -> None:
        self._settings = settings
        self._row = row
        self._held = 0

    async def read(self, receive: Receive, announced: bytes | None) -> bytes:
        """Read a body; the caller gives it back with `release`.

        Raises
        ------
        RequestError
            413 too large, 503 too much is held already.
        GoneError
            The client went away.
        """
        parts: list[bytes] = []
        length = 0
        expected = int(announced) if announced is not None and announced.isdigit() else 0
        refusal = self._refusal(expected, expected)
        swallowed = 4 * self._settings.max_body_bytes
        if refusal is not None and expected > swallowed:
            raise refusal
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise GoneError
                part = message.get("body", b"")
                length += len(part)
                if refusal is None and (refusal := self._refusal(max(length, expected), len(part))) is None:
                    parts.append(part)
                    self._held += len(part)
                    self._row.add("held", len(part))
                elif parts:
                    self.release(sum(map(len, parts)))
                    parts.clear()
                # A client that is still sending would see a reset instead of the answer, so a little more is swallowed.
                if not message.get("more_body") or length > swallowed:
                    break
        except BaseException:
            self.release(sum(map(len, parts)))
            raise
        if refusal is not None:
            raise refusal
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def release(self, length: int) -> None:
        """Give back what a body has held."""
        self._held -= length
        self._row.add("held", -length)

    def _refusal(self, length: int, more: int) -> RequestError | None:
        """Why a body of this length, of which so much is not held yet, cannot be taken."""
        limit = self._settings.max_body_bytes
        if length > limit:
            remedy = f"a request may have {limit} bytes; send fewer or smaller images"
            return RequestError(413, "body bytes", length, remedy)
        if self._held + more > self._settings.max_held_bytes:
            return RequestError(503, "held bytes", self._held, "other requests hold the memory there is; try again")
        return None


def check_types(headers: dict[bytes, bytes]) -> str:
    """The content type of a request whose types are both ones we know.

    Raises
    ------
    RequestError
        415 for the type of the body, 406 for the type that is asked for.
    """
    kind = _media(headers.get(b"content-type", b""))
    if kind not in IMAGE_TYPES and kind != JSON_TYPE:
        known = ", ".join([*sorted(IMAGE_TYPES), JSON_TYPE])
        raise RequestError(415, "content-type", kind[:100], f"send one of {known}")
    accept = headers.get(b"accept", b"*/*")
    if accept not in {b"*/*", b"application/json"} and not _answerable(accept):
        value = accept[:100].decode("latin-1")
        raise RequestError(406, "accept", value, f"the answer is {JSON_TYPE}; ask for that, or for anything")
    return kind


def _media(value: bytes) -> str:
    return value.decode("latin-1").partition(";")[0].strip().lower()


def _answerable(accept: bytes) -> bool:
    """Whether one of the types asked for is JSON, and not ruled out by a weight of 0 (RFC 9110, section 12.5.1)."""
    for choice in accept.split(b","):
        weight = choice.decode("latin-1").lower().replace(" ", "").partition(";q=")[2].partition(";")[0]
        ruled_out = weight != "" and not weight.strip("0.")
        if _media(choice) in _ANSWERABLE and not ruled_out:
            return True
    return False


def instances(body: bytes, limit: int) -> list[bytes]:
    """The images of a JSON request: {"instances": [{"b64": "..."}, ...]}.

    Raises
    ------
    RequestError
        400 for another form, 413 for too many images.
    """
    remedy = 'send {"instances": [{"b64": "<base64 of a PNG or JPEG>"}, ...]}'
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, "body", f"not JSON ({type(error).__name__})", remedy) from None
    found = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(found, list) or not found:
        raise RequestError(400, "instances", type(found).__name__, f"must be a list that is not empty; {remedy}")
    if len(found) > limit:
        raise RequestError(413, "instances", len(found), f"a request may hold {limit} images; send several requests")
    images = []
    for position, instance in enumerate(found):
        text = instance.get("b64") if isinstance(instance, dict) else None
        try:
            images.append(base64.b64decode(text, validate=True))  # type: ignore[arg-type]
        except (TypeError, ValueError, binascii.Error):
            raise RequestError(400, f"instances[{position}].b64", type(text).__name__, remedy) from None
    return images
