"""The flight recorder: one JSON line per API call, from which grants are compared with use."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rehearsal.aws.identify import identify
from rehearsal.aws.principals import principal_arn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rehearsal.aws.context import Context


_ENCODER = json.JSONEncoder(check_circular=False)
_ATTEMPT = re.compile(r"attempt=(\d+)")


class Recorder:
    """WSGI middleware that writes ``calls.jsonl``: time, principal, service, operation, status and milliseconds.

    A call that an SDK made again also has the number of its attempt.
    """

    def __init__(self, app: Any, context: Context, path: Path) -> None:
        self._app = app
        self._context = context
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Pass the request on and write its line when the answer is known."""
        call = identify(environ)
        started = time.perf_counter()
        status = ["000"]

        def remember(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            status[0] = line[:3]
            return start_response(line, headers, exc_info)

        try:
            return self._app(environ, remember)
        finally:
            record = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "principal": principal_arn(self._context, call.access_key),
                "service": call.service,
                "operation": call.operation,
                "status": int(status[0]),
                "ms": round((time.perf_counter() - started) * 1000, 1),
            }
            attempt = _ATTEMPT.search(environ.get("HTTP_AMZ_SDK_REQUEST", ""))
            if attempt and attempt.group(1) != "1":
                record["attempt"] = int(attempt.group(1))
            os.write(self._file, _ENCODER.encode(record).encode() + b"\n")  # whole lines: the file is open to append
