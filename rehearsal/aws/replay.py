"""Answer a call that an SDK makes again although it was done, with the answer that got lost.

On a busy machine a Go client now and then loses an answer that comes faster than it can finish writing its request: it
closes the connection and makes the call again. Most operations are not idempotent, so the second attempt of a delete
would fail a whole apply. All attempts of a call carry the same ``amz-sdk-invocation-id``.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEPT_ANSWERS = 512
_LARGEST_ANSWER = 65_536  # bytes

Answer = tuple[str, list[tuple[str, str]], bytes]


class Replay:
    """WSGI middleware that remembers successful answers of calls that change something."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Pass the request on, or answer a repeated one from memory."""
        name = environ.get("HTTP_AMZ_SDK_INVOCATION_ID", "")
        path = environ.get("PATH_INFO", "")
        if not name or environ["REQUEST_METHOD"] in ("GET", "HEAD") or path.rstrip("/").endswith("/invocations"):
            return self._app(environ, start_response)
        if not environ.get("HTTP_AMZ_SDK_REQUEST", "attempt=1").startswith("attempt=1"):
            with self._lock:
                known = self._answers.get(name)
            if known:
                start_response(known[0], known[1])
                return [known[2]]
        return self._remember(name, environ, start_response)

    def _remember(self, name: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        given: list[Any] = []

        def note(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            given[:] = [status, headers]
            return start_response(status, headers, exc_info)

        answer = self._app(environ, note)
        if not given or not given[0].startswith("2") or not 0 <= _length(given[1]) <= _LARGEST_ANSWER:
            return answer
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        with self._lock:
            self._answers[name] = (given[0], list(given[1]), body)
            while len(self._answers) > _KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return [body]


def _length(headers: list[tuple[str, str]]) -> int:
    """Return the declared length of an answer in bytes, -1 without one."""
    return next((int(value) for name, value in headers if name.lower() == "content-length"), -1)
