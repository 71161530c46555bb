"""The small HTTP client: kept connections, chunked answers, and clear errors for everything that breaks."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from rehearsal.aws.sagemaker import ports
from rehearsal.aws.sagemaker.serving.wire import (
    AnswerTimeoutError,
    BrokenAnswerError,
    NoAnswerError,
    Pool,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Script:
    """A server that gives each connection its list of answers, one per request, and closes it afterwards."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections: list[list[bytes]] = []
        self.requests: list[bytes] = []
        self.accepted = 0

    def play(self, *connections: list[bytes]) -> Pool:
        self.connections += connections
        threading.Thread(target=self._serve, daemon=True).start()
        return Pool(self.port, 0.5)

    def close(self) -> None:
        self._listener.close()

    def die(self) -> None:
        """Close everything at once, as the end of a process does."""
        self._listener.close()
        self._live.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        for answers in self.connections:
            connection, _ = self._listener.accept()
            self.accepted += 1
            self._live = connection
            with connection:
                for answer in answers:
                    self.requests.append(connection.recv(65_536))
                    connection.sendall(answer)
                if answers and answers[-1] == b"":
                    connection.recv(1)  # says nothing until the client gives up


@pytest.fixture
def script() -> Iterator[Script]:
    server = Script()
    yield server
    server.close()


def test_a_connection_is_kept(script: Script) -> None:
    pool = script.play([OK, OK])
    assert [pool.request("POST", "/x", [("A", "b")], b"body").body for _ in range(2)] == [b"ok", b"ok"]
    assert script.accepted == 1
    assert script.requests[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert script.requests[0].endswith(b"Content-Length: 4\r\nA: b\r\n\r\nbody")


def test_a_kept_connection_that_was_closed_is_replaced(script: Script) -> None:
    pool = script.play([OK], [OK])
    assert pool.request("GET", "/", (), b"").status == 200
    assert pool.request("GET", "/", (), b"").status == 200
    assert script.accepted == 2


def test_a_chunked_answer_is_put_together(script: Script) -> None:
    chunks = b"4\r\nabcd\r\n3;x=y\r\nefg\r\n0\r\n\r\n"
    pool = script.play([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, OK])
    assert pool.request("GET", "/", (), b"").body == b"abcdefg"
    assert pool.request("GET", "/", (), b"").body == b"ok"


def test_without_a_length_the_body_ends_with_the_connection(script: Script) -> None:
    pool = script.play([b"HTTP/1.0 404 Not Found\r\n\r\nall of it"])
    answer = pool.request("GET", "/", (), b"")
    assert (answer.status, answer.body) == (404, b"all of it")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", BrokenAnswerError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", BrokenAnswerError),
        (b"nonsense\r\n\r\n", BrokenAnswerError),
        (b"", AnswerTimeoutError),
    ],
)
def test_what_breaks_says_how(script: Script, answer: bytes, error: type[OSError]) -> None:
    with pytest.raises(error):
        script.play([answer]).request("GET", "/", (), b"")


def test_a_request_that_ended_a_server_is_not_sent_to_the_next(script: Script) -> None:
    pool = script.play([OK, b""])
    assert pool.request("GET", "/", (), b"").status == 200
    threading.Timer(0.1, script.die).start()
    with pytest.raises(NoAnswerError):
        pool.request("POST", "/", (), b"body")
    assert len(script.requests) == 2


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(UnreachableError):
        Pool(ports.free(), 0.5).request("GET", "/", (), b"")
