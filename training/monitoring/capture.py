"""One line of a capture file.

Format: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html. The caller's
`inferenceId` is there when the caller gave one, and then it is what ground truth is joined by
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html).
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.monitoring.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = '{"captureData"'


@dataclass(frozen=True, slots=True)
class Payload:
    """What went in or came out."""

    data: str
    encoding: str
    content_type: str

    def content(self) -> bytes:
        """The bytes as they went over the wire."""
        if self.encoding != "BASE64":
            return self.data.encode()
        try:
            return base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise DamageError(f"the payload is no base64 ({error})") from None

    def text(self) -> str:
        """The text as it went over the wire."""
        try:
            return self.content().decode() if self.encoding == "BASE64" else self.data
        except UnicodeDecodeError:
            raise DamageError("the payload is no UTF-8 text") from None

    @property
    def media(self) -> str:
        """The content type without its parameters."""
        return self.content_type.partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Record:
    """One request with its answer, and where it was read.

    Attributes
    ----------
    time
        When the request came, ISO 8601 in UTC, as captured.
    """

    event_id: str
    inference_id: str | None
    time: str
    input: Payload | None
    output: Payload | None
    file: str
    line: int

    @property
    def key(self) -> str:
        """What labels are joined by."""
        return self.inference_id or self.event_id


def parse(line: bytes, file: str = "", number: int = 0) -> Record:
    """The record a line holds.

    Raises
    ------
    DamageError
        The line is not a whole record.
    """
    try:
        document = json.loads(line.decode())
    except UnicodeDecodeError:
        raise DamageError("no UTF-8 text") from None
    except (ValueError, RecursionError):
        raise DamageError("no JSON") from None
    return record(document, file, number)


def rescue(line: bytes, file: str = "", number: int = 0) -> Iterator[Record]:
    """The whole records inside a line that as a whole is none: one cut short before it, or no newline between two."""
    text = line.decode("utf-8", "replace")
    decoder = json.JSONDecoder()
    at = text.find(_START)
    while at >= 0:
        try:
            document, end = decoder.raw_decode(text, at)
            # A replaced byte may have changed a payload: such a record counts as damaged, not as read.
            if "�" not in text[at:end]:
                yield record(document, file, number)
        except (ValueError, RecursionError):  # DamageError is one too
            end = at + 1
        at = text.find(_START, end)


def record(document: Any, file: str, number: int) -> Record:
    """Check a decoded line and give it its shape."""
    try:
        captured, meta = document["captureData"], document["eventMetadata"]
        event_id, time = meta["eventId"], meta["inferenceTime"]
        inference_id, version = meta.get("inferenceId"), document.get("eventVersion", "0")
        sides = captured.get("endpointInput"), captured.get("endpointOutput")
    except (KeyError, TypeError, AttributeError) as error:
        raise DamageError(f"no capture record: {error!r}") from None
    if version != "0":
        raise DamageError(f"eventVersion {version!r} is unknown")
    if not (isinstance(event_id, str) and event_id and isinstance(time, str)):
        raise DamageError("no capture record: eventId or inferenceTime is no text")
    if inference_id is not None and not isinstance(inference_id, str):
        raise DamageError("no capture record: inferenceId is no text")
    asked, answered = (None if side is None else _payload(side) for side in sides)
    return Record(event_id, inference_id or None, time, asked, answered, file, number)


def _payload(side: Any) -> Payload:
    try:
        data, encoding = side["data"], side["encoding"]
        kind = side.get("observedContentType") or ""
    except (KeyError, TypeError, AttributeError) as error:
        raise DamageError(f"no capture record: {error!r}") from None
    if encoding not in {"CSV", "JSON", "BASE64"} or not isinstance(data, str) or not isinstance(kind, str):
        raise DamageError(f"no capture record: data with encoding {encoding!r}")
    return Payload(data, encoding, kind)
