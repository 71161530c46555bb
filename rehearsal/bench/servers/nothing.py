"""``python -m rehearsal.bench.servers.nothing``: answers every request at once, so that only its clients take time.

Prints its port, then serves until it is ended.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LENGTH = b"content-length:"


class Nothing(asyncio.Protocol):
    """One connection; it reads just enough of a request to find its end."""

    def connection_made(self, transport: Any) -> None:
        self._transport, self._held = transport, b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end].lower()
            found = head.find(LENGTH)
            body = int(head[found + len(LENGTH) :].split(b"\r\n", 1)[0]) if found >= 0 else 0
            if len(self._held) < end + 4 + body:
                return
            self._held = self._held[end + 4 + body :]
            self._transport.write(ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Nothing, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
