"""Faults of the way to a service: InvokeEndpoint throttled, S3 slow."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rehearsal.aws.faults import book
from rehearsal.aws.identify import identify

if TYPE_CHECKING:
    from collections.abc import Iterable

_THROTTLED = json.dumps({"message": "Rate exceeded"}).encode()


class FaultyRequests:
    """WSGI middleware. Whoever is not allowed to make a request is refused before any fault can strike it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Pass the request on, late or not at all where a fault says so."""
        if not book.any_active():
            return self._app(environ, start_response)
        call = identify(environ)
        if call.operation == "InvokeEndpoint":
            name = environ["PATH_INFO"].split("/")[2]
            if book.strikes("throttle", endpoint=name) is not None:
                return _throttle(start_response)
        elif call.service == "s3":
            bucket, _, key = unquote(environ["PATH_INFO"]).lstrip("/").partition("/")
            fault = book.strikes("slow-storage", bucket=bucket, key=key)
            if fault is not None:
                fault.over.wait(fault.delay_s)
        return self._app(environ, start_response)


def _throttle(start_response: Any) -> list[bytes]:
    """Answer as the APIs of AWS do: https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html."""
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(_THROTTLED))),
        ("x-amzn-ErrorType", "ThrottlingException"),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    ]
    start_response("400 Bad Request", headers)
    return [_THROTTLED]
