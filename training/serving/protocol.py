"""uvicorn's HTTP protocol with what it leaves out: limits of time and size for what a client sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from training.serving.log import log

if TYPE_CHECKING:
    import asyncio

    from training.serving.metrics import Row

HEAD_BYTES = 64 * 1024


def bounded(patience_s: float, row: Row) -> type[Bounded]:
    """The protocol of one process.

    Parameters
    ----------
    patience_s
        How long a request may take to arrive, from its first byte.
    row
        Where connections are counted, and what is refused here.
    """
    return type("BoundedHere", (Bounded,), {"patience_s": patience_s, "row": row})


class Bounded(HttpToolsProtocol):
    """One connection; `bounded` makes the class, because uvicorn makes the instances.

    Requests that arrive in one piece, as most do, pay for a few flags; only the others get a timer.
    """

    patience_s: float
    row: Row

    _arriving = False
    _in_head = False
    _head_bytes = 0
    _began = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; who connects and says nothing is treated like who falls silent between two requests."""
        super().connection_made(transport)
        self.row.add("connections", 1)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.row.add("connections", -1)
        self._unset_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Take the beginning of a request."""
        self._arriving = self._in_head = True
        self._head_bytes = 0
        self._began = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Take the end of a request's head."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Take the end of a request."""
        self._arriving = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request that does not end with them is watched."""
        super().data_received(data)
        if not self._arriving:
            if self._timer is not None:
                self._unset_timer()
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431, "head", f"a request's head may have {HEAD_BYTES} bytes; send fewer headers")
                return
        if self._timer is None:
            self._timer = self.loop.call_later(self.patience_s, self._too_slow)

    def _too_slow(self) -> None:
        self._timer = None
        remedy = f"a request must arrive within {self.patience_s:g} s; check the connection and send it again"
        self._refuse(408, "head" if self._in_head else "body", remedy)

    def _refuse(self, status: int, field: str, remedy: str) -> None:
        if self.transport.is_closing():
            return
        unanswered = self.cycle is not None and not self.cycle.response_complete
        if self._in_head and unanswered:
            # Answers keep the order of their requests, and this connection owes another one first.
            self._timer = self._timer or self.loop.call_later(self.patience_s, self._too_slow)
            return
        if self._in_head or unanswered:
            log("refused", status=status, field=field)
            self.row.answered(status, self.loop.time() - self._began)
            line = STATUS_LINE[status]
            error = line.split(b" ", 2)[2].decode().strip().title().replace(" ", "")
            content = json.dumps({"error": error, "field": field, "value": "incomplete", "remedy": remedy}).encode()
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(content)
            self.transport.write(line + head + content)
        self.transport.close()

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
