"""How the server begins, gives up on slow clients, and ends."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.unit.serving.serving_server import DESCRIPTION, Server, picture, post, write_model
from training.serving import model as models
from training.serving.errors import ModelError
from training.serving.settings import Settings


def half_sent(server: Server, body: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    connection.sendall(post(body)[: -len(body) + 20])
    return connection


def everything(connection: socket.socket) -> bytes:
    answer = b""
    while chunk := connection.recv(4096):
        answer += chunk
    return answer


def test_a_body_above_the_limit_gets_its_answer(start):
    server = start(SERVING_MAX_BODY_BYTES="50000").ready()
    status, answer, headers = server.invoke(bytes(120_000))
    assert status == 413
    assert answer["value"] == 120_000
    assert headers["Connection"] == "close"


def test_slow_clients_are_given_up_wherever_they_fall_silent(start):
    """In the request line, in a header, in the body, in a chunk; those who are slow and finish are answered."""
    server = start(SERVING_PATIENCE_S="2").ready()
    whole = post(picture("red"))
    head = whole.partition(b"Content-Length")[0]
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc"
    beginnings = [whole[:3], whole[:40], whole[: len(whole) - 30], chunked]
    silent = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in beginnings]
    patient = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    for connection, beginning in zip(silent, beginnings, strict=True):
        connection.sendall(beginning)
    for k in range(0, len(whole), 20):
        patient.sendall(whole[k : k + 20])
    assert patient.recv(100).startswith(b"HTTP/1.1 200")
    patient.close()
    for connection in silent:
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "RequestTimeout"
        connection.close()
    assert server.metrics()['slipway_requests_total{code="408"}'] == 4
    assert server.end() == 0


def test_a_head_without_end_is_refused(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\nX: ")
        with pytest.raises(OSError):  # noqa: PT011  reset or broken, as the kernel likes
            connection.sendall(b"x" * 40_000_000)
    assert server.request("GET", "/ping")[0] == 200


def test_a_client_that_goes_away_harms_nobody(server):
    half_sent(server, picture("red")).close()
    assert server.invoke(picture("blue"))[0] == 200


def test_sigterm_lets_requests_in_flight_finish(start):
    server = start().ready()
    body = picture("blue")
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    idle.request("GET", "/ping")
    idle.getresponse().read()
    with half_sent(server, body) as connection:
        server.invoke(picture("red"))  # the half request has reached the server before this answer
        server.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while True:  # the port closes first
            try:
                socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
            except OSError:
                break
            assert time.monotonic() < deadline
        connection.sendall(body[20:])
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nconnection: close\r\n" in answer
    assert b'"label": "blue"' in answer
    assert idle.sock.recv(1) == b"", "an idle connection is closed"
    idle.close()
    assert server.process.wait(20) == 0


def test_sigterm_ends_a_server_that_does_not_serve_yet(start):
    server = start()
    server.event("listening")
    assert server.end() == 0
    assert not any(event["event"] == "draining" for event in server.events)


def test_a_drain_that_takes_too_long_is_cut(start):
    server = start(SERVING_DRAIN_S="1").ready()
    with half_sent(server, picture("red")):
        server.invoke(picture("red"))
        assert server.end() == 0
    assert [event["event"] for event in server.events if event["event"] == "draining"]


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "model.onnx is missing"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"rubbish"), "cannot be loaded"),
        (lambda folder: (folder / "model.json").unlink(), "unpack model.tar.gz"),
        (lambda folder: (folder / "model.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "model.json").write_text("[]"), "no JSON object"),
        (lambda folder: write_model(folder, classes=["red", "green"]), "2 classes"),
        (lambda folder: write_model(folder, input=DESCRIPTION["input"] | {"layout": "NHWC"}), "NCHW"),
        (lambda folder: write_model(folder, input=DESCRIPTION["input"] | {"std": [0, 1, 1]}), "std above 0"),
        (lambda folder: write_model(folder, input=DESCRIPTION["input"] | {"height": 24}), "cannot answer"),
    ],
    ids=["no model", "broken model", "no description", "no JSON", "no object", "classes", "layout", "std", "size"],
)
def test_a_model_that_cannot_be_served_is_explained(tmp_path, break_it, says):
    folder = write_model(tmp_path / "broken")
    break_it(folder)
    with pytest.raises(ModelError, match=says):
        models.load(Settings(model=folder))


def test_a_model_that_cannot_be_served_ends_the_server(start, tmp_path):
    folder = write_model(tmp_path / "broken")
    (folder / "model.json").unlink()
    server = start(model=folder)
    assert "unpack model.tar.gz" in server.event("failed")["reason"]
    assert server.process.wait(20) == 1


def test_a_taken_port_is_explained(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = start(SAGEMAKER_BIND_TO_PORT=str(taken.getsockname()[1]))
        assert "set SAGEMAKER_BIND_TO_PORT" in server.event("failed")["reason"]
        assert server.process.wait(20) == 2


def test_other_arguments_than_serve_are_refused():
    done = subprocess.run(
        [sys.executable, "-m", "training.serving", "train"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "serve" in done.stderr


def test_the_server_needs_no_torch_and_its_supervisor_no_model():
    code = (
        "import sys, training.serving.__main__ as main\n"
        "assert not {'uvicorn', 'onnxruntime', 'cv2', 'numpy'} & set(sys.modules), 'before the fork'\n"
        "import training.serving.worker\n"
        "assert not {'torch', 'training.learning'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_server_leaves_nothing_behind_and_tells_nobody(start, tmp_path):
    """onnxruntime would keep an identity for its telemetry in the home folder, and a queue of what it sends."""
    home = tmp_path / "home"
    home.mkdir()
    server = start(HOME=str(home), CI="", ORT_RUNNING_UNIT_TESTS="", ORT_DISABLE_TELEMETRY="0").ready()
    assert server.invoke(picture("red"))[0] == 200
    assert server.end() == 0
    assert list(home.rglob("*")) == []
