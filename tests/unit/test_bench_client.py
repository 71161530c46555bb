"""The bench's load client: it counts answers, reconnects where it is told to, and takes only 200 for an answer."""

from __future__ import annotations

import http.server
import threading
import types
from collections.abc import Iterator

import pytest

from rehearsal.bench import client
from rehearsal.bench.row import BenchError

BODY = b"x" * 20_000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, int]]

    def do_POST(self) -> None:
        taken = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, len(taken)))
        if self.path == "/dies":
            self.close_connection = True
            return
        self.send_response(503 if self.path == "/refuses" else 200)
        self.send_header("Content-Length", str(len(BODY)))
        if self.path == "/closes":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def port() -> Iterator[int]:
    Handler.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_an_answer_is_read_whole(port: int) -> None:
    assert client.ask(port, client.post("/", b"picture", "image/jpeg")) == BODY
    assert Handler.asked == [("/", 7)]


def test_every_connection_is_answered_before_the_load_ends(port: int) -> None:
    done = client.load(port, client.post("/", b"picture", "image/jpeg"), connections=3, seconds=0)
    assert done.answers == 3 == len(Handler.asked)


@pytest.mark.parametrize("path", ["/", "/closes"])
def test_it_goes_on_asking_also_on_new_connections(port: int, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a clock that allows five answers, then so many are asked for, on one connection or on five."""
    ticks = iter([0.0, *[0.1] * 4, *[9.0] * 99])
    monkeypatch.setattr(
        client, "time", types.SimpleNamespace(perf_counter=lambda: next(ticks), thread_time=lambda: 0.0)
    )
    done = client.load(port, client.post(path, b"picture", "image/jpeg"), connections=1, seconds=1)
    assert done.answers == 5 == len(Handler.asked)


@pytest.mark.parametrize(
    ("path", "why"), [("/refuses", "503"), ("/dies", "closed a connection before it had answered")]
)
def test_what_is_no_answer_is_an_error(port: int, path: str, why: str) -> None:
    with pytest.raises(BenchError, match=why):
        client.load(port, client.post(path, b"picture", "image/jpeg"), connections=2, seconds=0)
