"""Data capture: what went in and came out, as JSON Lines in S3.

Format and key layout: SageMaker developer guide, "Capture data from real-time endpoint".
"""

from __future__ import annotations

import base64
import json
import logging
import queue
import random
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import EndpointConnectionError

from rehearsal.aws.sagemaker import duties, s3, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.aws.context import Acting, Context

log = logging.getLogger(__name__)

_WAITING = 10_000  # exchanges; more are dropped, as AWS captures on a best-effort basis
_CLOSE_SECONDS = 10.0


@dataclass(frozen=True)
class Exchange:
    """One request with its answer."""

    variant: str
    request: bytes
    request_type: str
    response: bytes
    response_type: str
    event_id: str
    inference_id: str | None
    at: datetime


class Capture:
    """Writes the exchanges of one endpoint off the request path."""

    def __init__(self, context: Context, endpoint: str, config: dict[str, Any], acting: Acting) -> None:
        """Start to write with the model's execution role."""
        self._endpoint, self._config = endpoint, config
        self._share = config["InitialSamplingPercentage"] / 100
        self._context, self._acting = context, acting
        self._client: Any = None  # made by the thread that writes: it takes a moment
        self._waiting: queue.Queue[Exchange | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._write, name=f"capture {endpoint}", daemon=True)
        self._thread.start()

    @property
    def sampled(self) -> bool:
        """Whether the next exchange belongs to the sample."""
        return self._share >= 1 or random.random() < self._share  # noqa: S311  # sampling

    def add(self, exchange: Exchange) -> None:
        """Take an exchange; never blocks."""
        try:
            self._waiting.put_nowait(exchange)
        except queue.Full:
            log.warning("endpoint %s: an exchange was not captured: S3 is behind by %d", self._endpoint, _WAITING)

    def close(self) -> None:
        """Write what waits, and stop."""
        self._waiting.put(None)
        self._thread.join(_CLOSE_SECONDS)

    def _write(self) -> None:
        over = False
        while not over:
            batch, over = self._batch()
            for name, exchanges in _by_file(self._endpoint, batch).items():
                try:
                    self._put(name, exchanges)
                except Exception:  # the endpoint goes on serving whatever S3 says
                    log.exception("endpoint %s: %d exchanges were not captured", self._endpoint, len(exchanges))

    def _batch(self) -> tuple[list[Exchange], bool]:
        """Wait for a first exchange, gather more for a moment, and say whether the end was among them."""
        batch: list[Exchange] = []
        first = self._waiting.get()
        if first is None:
            return batch, True
        batch.append(first)
        deadline = time.monotonic() + settings.CAPTURE_FLUSH_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                exchange = self._waiting.get(timeout=left)
            except queue.Empty:
                break
            if exchange is None:
                return batch, True
            batch.append(exchange)
        return batch, False

    def _put(self, name: str, exchanges: Sequence[Exchange]) -> None:
        bucket, prefix = s3.split(self._config["DestinationS3Uri"])
        lines = "".join(json.dumps(record(exchange, self._config)) + "\n" for exchange in exchanges)
        key = "/".join(part for part in (prefix.strip("/"), name) if part)
        encryption = s3.encryption(self._config.get("KmsKeyId"))
        self._client = self._client or s3.client(self._context, self._acting)
        try:
            self._client.put_object(
                Bucket=bucket, Key=key, Body=lines.encode(), ContentType="application/json", **encryption
            )
        except EndpointConnectionError:  # this server is stopping and listens no more; its storage is still there
            duties.demand_capture(self._acting, bucket, key, encryption)
            s3.keep(self._context, bucket, key, lines.encode())


def record(exchange: Exchange, config: dict[str, Any]) -> dict[str, Any]:
    """Return one line of a capture file."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    data: dict[str, Any] = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _side("INPUT", exchange.request, exchange.request_type, config)
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _side("OUTPUT", exchange.response, exchange.response_type, config)
    meta = {"eventId": exchange.event_id, "inferenceTime": exchange.at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if exchange.inference_id:
        meta["inferenceId"] = exchange.inference_id
    return {"captureData": data, "eventMetadata": meta, "eventVersion": "0"}


def _side(mode: str, body: bytes, content_type: str, config: dict[str, Any]) -> dict[str, str]:
    encoding = _encoding(content_type, config.get("CaptureContentTypeHeader") or {})
    try:
        data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode()
    except UnicodeDecodeError:
        encoding, data = "BASE64", base64.b64encode(body).decode()
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def _encoding(content_type: str, header: dict[str, list[str]]) -> str:
    """Only the content types that the configuration lists are kept as text; all others become base64."""
    media = content_type.split(";", maxsplit=1)[0].strip().lower()
    for encoding, listed in (("JSON", "JsonContentTypes"), ("CSV", "CsvContentTypes")):
        if media in (name.lower() for name in header.get(listed) or []):
            return encoding
    return "BASE64"


def _by_file(endpoint: str, batch: Sequence[Exchange]) -> dict[str, list[Exchange]]:
    """Group exchanges into files: one per variant and hour, named after the time of the first."""
    groups: dict[tuple[str, str], list[Exchange]] = {}
    for exchange in batch:
        groups.setdefault((exchange.variant, exchange.at.strftime("%Y/%m/%d/%H")), []).append(exchange)
    files = {}
    for (variant, hour), exchanges in groups.items():
        at = exchanges[0].at
        stamp = f"{at:%M-%S}-{at.microsecond // 1000:03d}-{uuid.uuid4()}"
        files[f"{endpoint}/{variant}/{hour}/{stamp}.jsonl"] = exchanges
    return files


def moment() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)
