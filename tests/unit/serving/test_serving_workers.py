"""Several processes behind one socket: they share the clients, are replaced when they die, and end together."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import psutil
import pytest

from tests.unit.serving.serving_server import Server, picture, post, write_model


class Load:
    """Clients that keep their connections busy; a client whose connection is closed without an answer says so."""

    def __init__(self, server: Server, clients: int) -> None:
        self.port = server.port
        self.answers: Counter[object] = Counter()
        self.halt = threading.Event()
        self.threads = [threading.Thread(target=self._client) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _client(self) -> None:
        body = picture("red")
        while not self.halt.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                connection.connect()
            except ConnectionError:
                self.answers["closed"] += 1  # nobody listens any more: the client knows, and asks elsewhere
                return
            try:
                while not self.halt.is_set():
                    connection.request("POST", "/invocations", body, {"Content-Type": "image/png"})
                    answer = connection.getresponse()
                    answer.read()
                    self.answers[answer.status] += 1
                    if answer.will_close:
                        break
            except (OSError, http.client.HTTPException):
                self.answers["lost"] += 1
            finally:
                connection.close()

    def until(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while self.answers[200] < count:
            assert time.monotonic() < deadline, self.answers
            time.sleep(0.01)

    def end(self) -> Counter[object]:
        self.halt.set()
        for thread in self.threads:
            thread.join(20)
        return self.answers


@contextlib.contextmanager
def connections(server: Server, count: int):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(count)]


def test_every_worker_gets_clients_and_says_who_it_is(start):
    server = start(SERVING_WORKERS="2").ready()
    assert sorted(event["worker"] for event in server.events if event["event"] == "ready") == [0, 1]
    assert server.request("GET", "/ping")[0] == 200
    with connections(server, 8) as clients:
        for client in clients:
            client.sendall(post(picture("red")))
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        clients_of = [
            sum(c.status == psutil.CONN_ESTABLISHED for c in psutil.Process(pid).net_connections())
            for pid in server.pids()
        ]
        assert sum(clients_of) == 8
        assert min(clients_of) >= 2
    figures = server.metrics()
    assert figures['slipway_requests_total{code="200"}'] == 8
    assert figures["slipway_workers_ready"] == figures["slipway_worker_starts_total"] == 2
    assert server.end() == 0


def test_a_worker_killed_under_load_loses_only_what_it_had_in_flight(start):
    server = start(SERVING_WORKERS="2").ready()
    load = Load(server, 6)
    try:
        load.until(50)
        os.kill(server.pids()[0], signal.SIGKILL)
        restarts = server.event("restarts")
        assert (restarts["code"], restarts["ready"]) == (-signal.SIGKILL, True)
        assert server.event("ready")["worker"] == restarts["worker"]
        load.until(load.answers[200] + 50)
    finally:
        answers = load.end()
    assert set(answers) <= {200, "lost"}
    assert answers["lost"] <= 6, "each client has one request in flight, and not all were the dead worker's"
    figures = server.metrics()
    assert figures["slipway_worker_starts_total"] == 3
    assert figures["slipway_workers_ready"] == 2
    assert figures['slipway_requests_total{code="200"}'] >= answers[200] - 6
    assert server.end() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_under_load_loses_no_request(start, workers):
    server = start(SERVING_WORKERS=workers).ready()
    load = Load(server, 6)
    load.until(50)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    answers = load.end()
    assert set(answers) == {200, "closed"}
    assert answers["closed"] == 6


def test_workers_end_when_their_supervisor_is_killed(start):
    server = start(SERVING_WORKERS="2").ready()
    workers = [psutil.Process(pid) for pid in server.pids()]
    server.process.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


def test_a_model_that_no_worker_can_load_ends_the_server_at_once(start, tmp_path):
    folder = write_model(tmp_path / "broken")
    (folder / "model.onnx").write_bytes(b"rubbish")
    server = start(model=folder, SERVING_WORKERS="2")
    assert "cannot be loaded" in server.event("failed")["reason"]
    assert server.event("gives up")["code"] == 1
    assert server.process.wait(20) == 1


def supervised(serve: str) -> tuple[int, list[dict]]:
    """The exit code and the log of a supervisor of two workers, which run `serve`."""
    program = f"""
import os, signal, socket, sys, time
from training.serving import supervisor
from training.serving.metrics import Board
supervisor._PAUSES_S = (0.0,)
supervisor._KILL_S = 0.5
board = Board(2)
def serve(number, lifeline):
    {serve}
listener = socket.create_server(("127.0.0.1", 0))
sys.exit(supervisor.supervise(2, 0.1, listener, board, serve))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, [json.loads(line) for line in done.stderr.splitlines()]


def test_workers_that_keep_dying_at_their_start_are_given_up():
    code, events = supervised("os.kill(os.getpid(), signal.SIGKILL)")
    assert code == 1
    (last,) = [event for event in events if event["event"] == "gives up"]
    assert (last["code"], last["starts"]) == (-signal.SIGKILL, 5)
    assert 4 <= sum(event["event"] == "restarts" for event in events) <= 8


def test_a_worker_that_cannot_load_what_the_others_serve_is_tried_again():
    """The model is known to be good: something about the one process was bad."""
    code, events = supervised(
        "board.rows[number].add('ready', 1 - number)\n    time.sleep(30 if number == 0 else 0.2)\n    return 1"
    )
    assert code == 1
    assert [event["event"] for event in events if event.get("worker") == 1][:5] == ["restarts"] * 4 + ["gives up"]


def test_a_worker_that_will_not_drain_is_killed():
    code, events = supervised(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN) if number else None\n"
        "    board.rows[number].add('ready', 1)\n"
        "    while not all(row.get('ready') for row in board.rows): time.sleep(0.01)\n"
        "    os.kill(os.getppid(), signal.SIGTERM)\n"
        "    time.sleep(30)"
    )
    assert code == 0
    assert {"worker": 1, "code": -signal.SIGKILL, "event": "ended badly"}.items() <= events[-1].items()
