"""A load client that costs little: plain sockets, one thread, every connection asks again as soon as it is answered."""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass

from rehearsal.bench.row import BenchError

PATIENCE_S = 20.0
_LENGTH = b"\r\ncontent-length:"


@dataclass(frozen=True, slots=True)
class Load:
    """What came of some seconds of load; `own_cpu` are the client's CPU seconds."""

    connections: int
    answers: int
    seconds: float
    own_cpu: float


def post(path: str, body: bytes, kind: str) -> bytes:
    """A request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def ask(port: int, request: bytes) -> bytes:
    """The body of one answer.

    Raises
    ------
    BenchError
        The status is not 200, or the connection ended before.
    OSError
        Nobody listens.
    """
    connection = _Connection(port, request)
    try:
        connection.send()
        while not connection.received():
            pass
        return connection.body
    finally:
        connection.socket.close()


def load(port: int, request: bytes, connections: int, seconds: float) -> Load:
    """Keep so many connections busy for so long; every one of them is answered before this returns.

    Raises
    ------
    BenchError
        An answer that is not 200, or none within `PATIENCE_S`.
    """
    with selectors.DefaultSelector() as selector:
        begin, used, answers = time.perf_counter(), time.thread_time(), 0
        for _ in range(connections):
            connection = _Connection(port, request)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send()
        try:
            while selector.get_map():
                ready = selector.select(PATIENCE_S)
                if not ready:
                    raise BenchError(f"the server on port {port} has not answered for {PATIENCE_S:g} s")
                for key, _ in ready:
                    connection = key.data
                    if not connection.received():
                        continue
                    answers += 1
                    if time.perf_counter() - begin > seconds:
                        selector.unregister(connection.socket)
                        connection.socket.close()
                    elif connection.closing:
                        selector.unregister(connection.socket)
                        connection.socket.close()
                        connection.open()
                        selector.register(connection.socket, selectors.EVENT_READ, connection)
                        connection.send()
                    else:
                        connection.send()
            return Load(connections, answers, time.perf_counter() - begin, time.thread_time() - used)
        finally:
            for key in list((selector.get_map() or {}).values()):
                key.fileobj.close()  # type: ignore[union-attr]


class _Connection:
    """One request at a time; `closing` where the server will not take another one on it."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port, self._request = port, request
        self.body, self.closing = b"", False
        self._head, self._wanted, self._held = b"", 0, b""
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self) -> None:
        self._held, self._wanted = b"", 0
        self.socket.sendall(self._request)

    def received(self) -> bool:
        """Take what has come; whether the answer is complete."""
        came = self.socket.recv(262144)
        if not came:
            raise BenchError(f"the server on port {self._port} closed a connection before it had answered")
        self._held += came
        if not self._wanted:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._read_head(self._held[: end + 2], end + 4)
        if len(self._held) < self._wanted:
            return False
        self.body = self._held[self._wanted - self._length :]
        return True

    def _read_head(self, head: bytes, length: int) -> None:
        if head != self._head:
            lower = head.lower()
            at = lower.find(_LENGTH)
            if not head.startswith(b"HTTP/1.1 200") or at < 0:
                raise BenchError(f"the server on port {self._port} answered {head[:200]!r}: expected 200 and a length")
            self._length = int(lower[at + len(_LENGTH) : lower.index(b"\r\n", at + 2)])
            self.closing = b"\r\nconnection: close" in lower
            self._head = head
        self._wanted = length + self._length
