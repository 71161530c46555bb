"""How the owner asks for a fault: POST, GET and DELETE on a path that no bucket and no service can have.

It stands before IAM, because AWS has no action for it; it asks for itself who calls.
"""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Any

from rehearsal.aws.faults import book, kinds
from rehearsal.aws.faults.kinds import Fault, FaultError
from rehearsal.aws.identify import identify
from rehearsal.aws.principals import principal_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rehearsal.aws.context import Context

log = logging.getLogger(__name__)

PATH = "/_slipway/faults"
_LARGEST = 10_000  # bytes of a request
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}


class Control:
    """WSGI middleware that answers requests about faults and passes everything else on."""

    def __init__(self, app: Any, context: Context) -> None:
        self._app, self._context = app, context

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer, or let the application answer."""
        path = environ["PATH_INFO"]
        if not path.startswith(PATH):
            return self._app(environ, start_response)
        arn = principal_arn(self._context, identify(environ).access_key)
        if not arn.endswith(":root"):
            who = arn or "a caller without credentials of this account"
            return _answer(start_response, 403, {"message": f"{who} may not cause faults: only the root user may"})
        try:
            status, document = _carry_out(environ, path[len(PATH) :].strip("/"))
        except FaultError as error:
            status, document = 400, {"message": str(error)}
        return _answer(start_response, status, document)


def _carry_out(environ: dict[str, Any], name: str) -> tuple[int, dict[str, Any]]:
    method = environ["REQUEST_METHOD"]
    if method == "POST" and not name:
        fault = kinds.read(_document(environ))
        _begin(fault)
        return 200, fault.document()
    if method == "GET" and not name:
        return 200, {"faults": [fault.document() for fault in book.active()]}
    if method == "DELETE" and not name:
        return 200, {"faults": [fault.document() for fault in book.clear()]}
    if method == "DELETE":
        ended = book.end(name)
        if ended is None:
            return 404, {"message": f"fault id: {name!r} is not active: GET {PATH} names those that are"}
        return 200, ended.document()
    return 405, {"message": f"{method} {PATH}/{name}: POST a fault, GET all, DELETE all or one by its id"}


def _document(environ: dict[str, Any]) -> Any:
    size = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < size <= _LARGEST:
        raise FaultError.of("body bytes", size, f"must be 1 to {_LARGEST}")
    try:
        return json.loads(environ["wsgi.input"].read(size))
    except ValueError as error:
        raise FaultError.of("body", str(error), "is no JSON: send an object with kind and its fields") from None


def _begin(fault: Fault) -> None:
    """Let a fault hold for its time. Those that strike a server do so at once."""
    from rehearsal.aws.sagemaker.serving import harm

    undo = harm.strike(fault) if fault.kind in harm.STRIKES else None
    book.add(fault)
    threading.Thread(target=_later, args=(fault, undo), name=f"fault {fault.id}", daemon=True).start()


def _later(fault: Fault, undo: Callable[[], None] | None) -> None:
    fault.over.wait(fault.seconds)
    if undo is not None:
        undo()
    book.end(fault.id)


def _answer(start_response: Any, status: int, document: dict[str, Any]) -> list[bytes]:
    body = json.dumps(document).encode()
    start_response(
        f"{status} {_REASONS[status]}", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]
