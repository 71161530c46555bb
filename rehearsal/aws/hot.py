"""Connections that invoke endpoints get a thread of their own, past waitress's loop and its queue.

Between two requests waitress goes round its loop three times and wakes another thread, which costs more than all that
InvokeEndpoint does. A connection is taken out of the loop when InvokeEndpoint is asked on it, and goes back with the
first request of any other kind. The application is the same.
"""

from __future__ import annotations

import io
import logging
import socket
import sys
import threading
import time
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from waitress.channel import HTTPChannel

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_BEGIN = b"POST /endpoints/"
_END = b"/invocations HTTP/1.1"
_IDLE_SECONDS = 900.0
_LARGEST_HEAD = 65_536
_LARGEST_BODY = 8 << 20  # what is larger is refused anyway, and waitress takes it off the wire piece by piece
_AT_ONCE = 262_144


def install(server: Any, app: Any) -> None:
    """Let the connections of a waitress server be taken; ``app`` answers what is asked on them."""

    class Channel(HTTPChannel):
        def received(self, data: bytes) -> bool:
            """Leave the loop with the first bytes of InvokeEndpoint; all other bytes are waitress's."""
            if not data.startswith(_BEGIN) or self.request is not None or self.requests or self.total_outbufs_len:
                return bool(super().received(data))
            self.del_channel()
            self.connected = False
            taken, address = self.socket, self.addr
            where = (server.effective_host, str(server.effective_port))

            def back(rest: bytes) -> None:
                taken.setblocking(False)
                server.trigger.pull_trigger(lambda: _adopt(server, taken, address, rest))

            threading.Thread(target=_serve, args=(taken, data, app, where, back), name="hot", daemon=True).start()
            return True

    server.channel_class = Channel


def _adopt(server: Any, taken: socket.socket, address: Any, rest: bytes) -> None:
    """Give a connection to waitress, in the thread of its loop."""
    channel = HTTPChannel(server, taken, address, server.adj, map=server._map)
    channel.received(rest)


def _serve(taken: socket.socket, data: bytes, app: Any, where: tuple[str, str], back: Callable[[bytes], None]) -> None:
    try:
        taken.settimeout(_IDLE_SECONDS)
        while data:
            request = _next(taken, data)
            if request is None:
                return
            head, body, data = request
            template = _environ(head, where)
            if template is None:
                back(head + b"\r\n\r\n" + body + data)
                return
            answer, stays = _answer(app, {**template, "wsgi.input": io.BytesIO(body)})
            taken.sendall(answer)
            if not stays:
                break
            data = data or taken.recv(_AT_ONCE)
        taken.close()
    except OSError:
        taken.close()  # the caller is gone, or has said nothing for too long
    except Exception:
        log.exception("a connection broke")
        taken.close()


def _next(taken: socket.socket, data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Read on until a request is complete; return its head, its body, and what came after it.

    Of a request that waitress shall answer, the body may still be on its way.
    """
    while (end := data.find(b"\r\n\r\n")) < 0 and len(data) < _LARGEST_HEAD and data.startswith(_BEGIN[: len(data)]):
        more = taken.recv(_AT_ONCE)
        if not more:
            taken.close()
            return None
        data += more
    if end < 0:
        return data, b"", b""
    head, rest = data[:end], data[end + 4 :]
    size = _length(head)
    if size is None:
        return head, b"", rest
    pieces, held = [rest], len(rest)
    while held < size:
        piece = taken.recv(_AT_ONCE)
        if not piece:
            taken.close()
            return None
        pieces.append(piece)
        held += len(piece)
    whole = b"".join(pieces) if len(pieces) > 1 else rest
    return head, whole[:size], whole[size:]


@lru_cache(maxsize=512)
def _length(head: bytes) -> int | None:
    """Return the length of the body of an InvokeEndpoint request; None for any request that is not plainly one."""
    line, *fields = head.split(b"\r\n")
    named: dict[bytes, list[bytes]] = {}
    for field in fields:
        name, colon, value = field.partition(b":")
        if not colon or name != name.strip() or not name:
            return None
        named.setdefault(name.lower(), []).append(value.strip())
    lengths = named.get(b"content-length", [])
    plain = line.startswith(_BEGIN) and line.endswith(_END) and line.count(b" ") == 2 and b"?" not in line
    if not plain or b"transfer-encoding" in named or b"expect" in named or len(lengths) != 1:
        return None
    size = int(lengths[0]) if lengths[0].isdigit() else _LARGEST_BODY + 1
    return size if size <= _LARGEST_BODY else None


@lru_cache(maxsize=512)
def _environ(head: bytes, where: tuple[str, str]) -> dict[str, Any] | None:
    """Return what waitress would make of a head; None for one that is not plainly InvokeEndpoint.

    Callers that sign once for many requests send the same head again and again.
    """
    if _length(head) is None:
        return None
    line, *fields = head.decode("latin-1").split("\r\n")
    target = line.split(" ")[1]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": unquote_to_bytes(target).decode("latin-1"),
        "QUERY_STRING": "",
        "REQUEST_URI": target,
        "SCRIPT_NAME": "",
        "SERVER_NAME": where[0],
        "SERVER_PORT": where[1],
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for field in fields:
        name, _, value = field.partition(":")
        if "_" in name:
            continue  # it could pass for another one
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        value = value.strip()
        environ[key] = f"{environ[key]}, {value}" if key in environ else value
    return environ


def _answer(app: Any, environ: dict[str, Any]) -> tuple[bytes, bool]:
    """Run the application; return its answer as bytes, and whether the connection stays open."""
    begun: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        begun[:] = [status, headers]

    parts = app(environ, start_response)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    status, headers = begun
    stays = environ.get("HTTP_CONNECTION", "").lower() != "close"
    lines = [f"HTTP/1.1 {status}"]
    for name, value in headers:
        if name.lower() == "connection":
            stays = stays and value.lower() != "close"
        elif name.lower() != "content-length":
            lines.append(f"{name}: {value}")
    lines += [
        f"Content-Length: {len(body)}",
        f"Date: {_date(int(time.time()))}",
        *([] if stays else ["Connection: close"]),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body, stays


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
