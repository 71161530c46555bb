"""uvicorn's HTTP protocol with what it leaves out: limits for the head of a request, in time and in size."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from training.serving.log import log

if TYPE_CHECKING:
    import asyncio

HEAD_BYTES = 64 * 1024


class Bounded(HttpToolsProtocol):
    """One connection; `patience_s` is set on a subclass, because uvicorn makes the instances."""

    patience_s: float = 30

    _in_head = False
    _head_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; who connects and says nothing is treated like who falls silent between two requests."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._unset_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Take the beginning of a request."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Take the end of a request's head."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that does not end with them is watched."""
        super().data_received(data)
        if not self._in_head:
            if self._timer is not None:
                self._unset_timer()
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._refuse(431, "head bytes", f"a request's head may have {HEAD_BYTES} bytes; send fewer headers")
        elif self._timer is None:
            self._timer = self.loop.call_later(self.patience_s, self._too_slow)

    def _too_slow(self) -> None:
        self._refuse(408, "head", f"a request's head must arrive within {self.patience_s:g} s; send it again")

    def _refuse(self, status: int, field: str, remedy: str) -> None:
        self._unset_timer()
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # Answers keep the order of their requests; this connection owes another one first.
            self._timer = self.loop.call_later(self.patience_s, self._too_slow)
            return
        log("refused", status=status, field=field)
        line = STATUS_LINE[status]
        error = line.split(b" ", 2)[2].decode().strip().replace(" ", "")
        content = json.dumps({"error": error, "field": field, "value": "incomplete", "remedy": remedy}).encode()
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(content)
        self.transport.write(line + head + content)
        self.transport.close()

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
