"""A very small HTTP/1.1 client for one model server: kept connections, no header objects.

``http.client`` parses headers with the e-mail package, which alone costs more than the whole exchange does here.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable

_BIG = 65_536  # bodies above this are sent on their own instead of being copied behind the head


class UnreachableError(OSError):
    """The server has not got the request: it may be sent to another one."""


class BrokenAnswerError(OSError):
    """The server got the request, and its answer did not come, did not end, or is no HTTP."""


class NoAnswerError(BrokenAnswerError):
    """The server closed the connection without an answer."""


class AnswerTimeoutError(OSError):
    """The server did not answer in time."""


@dataclass
class Answer:
    """One HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Pool:
    """Connections to 127.0.0.1:port; the one used last is used first."""

    def __init__(self, port: int, timeout: float) -> None:
        self._address = ("127.0.0.1", port)
        self._timeout = timeout
        self._idle: deque[_Connection] = deque()

    def request(self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
        """Send a request and read the answer.

        Raises
        ------
        UnreachableError, BrokenAnswerError, AnswerTimeoutError
            See there. A kept connection that the server closes at this moment is replaced, unless the server is gone:
            then it may well have begun the request.
        """
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        start = head.encode("latin-1")
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if connection.closed_by_server():
                connection.close()
                continue
            try:
                return self._exchange(connection, start, body)
            except UnreachableError:
                continue
            except NoAnswerError as lost:
                try:
                    return self._exchange(self._connect(), start, body)
                except UnreachableError:
                    raise lost from None
        return self._exchange(self._connect(), start, body)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, connection: _Connection, start: bytes, body: bytes) -> Answer:
        try:
            answer, keep = connection.exchange(start, body)
        except BaseException:
            connection.close()
            raise
        if keep:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _connect(self) -> _Connection:
        try:
            sock = socket.create_connection(self._address, self._timeout)
        except OSError as error:
            raise UnreachableError(f"127.0.0.1:{self._address[1]}: {error}") from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Connection(sock)


class _Connection:
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._file: BinaryIO = sock.makefile("rb")
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def closed_by_server(self) -> bool:
        """Whether the idle connection has something to read, which can only be its end."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def exchange(self, start: bytes, body: bytes) -> tuple[Answer, bool]:
        """Return the answer and whether the connection may be kept."""
        try:
            self._send(start, body)
            first = self._file.readline()
        except TimeoutError as error:
            raise AnswerTimeoutError(str(error)) from error
        except UnreachableError:
            raise
        except OSError as error:
            raise NoAnswerError(str(error)) from error
        if not first:
            raise NoAnswerError("the server closed the connection")
        try:
            return self._read(first)
        except TimeoutError as error:
            raise AnswerTimeoutError(str(error)) from error
        except (OSError, ValueError, IndexError) as error:
            raise BrokenAnswerError(str(error)) from error

    def _send(self, start: bytes, body: bytes) -> None:
        """Send a request. A server that refuses a body may answer and close before it has read all of it."""
        try:
            if len(body) > _BIG:
                self._socket.sendall(start)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self._socket.sendall(body)
            else:
                self._socket.sendall(start + body)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise UnreachableError(str(error)) from error

    def _read(self, first: bytes) -> tuple[Answer, bool]:
        version, status = first.split(None, 2)[:2]
        headers: dict[str, str] = {}
        while (line := self._file.readline()) not in {b"\r\n", b"\n"}:
            if not line:
                raise OSError("the answer ended within its head")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        keep = version == b"HTTP/1.1" and headers.get("connection", "").lower() != "close"
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return Answer(int(status), headers, self._chunks()), keep
        if "content-length" in headers:
            size = int(headers["content-length"])
            body = self._file.read(size)
            if len(body) < size:
                raise OSError(f"the answer ended after {len(body)} of {size} bytes")
            return Answer(int(status), headers, body), keep
        return Answer(int(status), headers, self._file.read()), False

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._file.readline().split(b";")[0], 16):
            parts.append(self._file.read(size))
            self._file.readline()
        while self._file.readline() not in {b"\r\n", b"\n", b""}:
            pass
        return b"".join(parts)
