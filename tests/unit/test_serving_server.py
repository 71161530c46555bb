"""The inference server, over real HTTP, with a model whose answers are known: it names the colour an image is."""

from __future__ import annotations

import base64
import http.client
import json
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from training.serving import settings as options
from training.serving.errors import ModelError, RequestError
from training.serving.headers import size_of

CLASSES = ["red", "green", "blue"]
DESCRIPTION = {
    "workload": "colours",
    "version": "3",
    "classes": CLASSES,
    "input": {"height": 16, "width": 16, "channels": 3, "mean": [0.5] * 3, "std": [0.25] * 3, "layout": "NCHW"},
    "metrics": {},
    "source": "synthetic",
    "limits": {"max_image_bytes": 100_000, "max_image_pixels": 1_000_000},
}


def write_model(folder: Path, **changes: object) -> Path:
    """Softmax of the mean of each channel: the brightest channel wins."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["scores"], axes=[2, 3], keepdims=0),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 16, 16])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in ("probabilities", "scores")
    ]
    graph = helper.make_graph(nodes, "colours", [images], outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "model.onnx"))
    (folder / "model.json").write_text(json.dumps(DESCRIPTION | changes))
    return folder


def picture(colour: str, suffix: str = ".png", width: int = 16, height: int = 16) -> bytes:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 2 - CLASSES.index(colour)] = 220
    return cv2.imencode(suffix, pixels)[1].tobytes()


class Server:
    """`python -m training.serving` on a free port."""

    def __init__(self, model: Path, *arguments: str, **environment: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SERVING_", "SM_"))}
        env |= {"SAGEMAKER_BIND_TO_PORT": "0", "SM_MODEL_DIR": str(model), "SERVING_WORKERS": "1"} | environment
        command = [sys.executable, "-m", "training.serving", *arguments]
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.events: list[dict] = []
        self._news: queue.Queue[dict | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = 0

    def _read(self) -> None:
        for text in self.process.stderr:
            self.events.append(json.loads(text))
            self._news.put(self.events[-1])
        self._news.put(None)

    def ready(self) -> Server:
        self.port = int(self.process.stdout.readline())
        self.event("ready")
        return self

    def event(self, name: str) -> dict:
        while (news := self._news.get(timeout=30)) is not None:
            if news["event"] == name:
                return news
        raise AssertionError(f"the server ended without {name}: {self.events}")

    def request(self, method: str, path: str, body: bytes | None = None, kind: str = "image/png"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers
        finally:
            connection.close()

    def invoke(self, body: bytes, kind: str = "image/png"):
        return self.request("POST", "/invocations", body, kind)

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self._reader.join()
            self.process.stdout.close()
            self.process.stderr.close()


@pytest.fixture
def start(tmp_path):
    started = []

    def starter(*arguments: str, model: Path | None = None, **environment: str) -> Server:
        started.append(Server(model or write_model(tmp_path / "model"), *arguments, **environment))
        return started[-1]

    yield starter
    for server in started:
        server.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(write_model(tmp_path_factory.mktemp("colours")), "serve").ready()
    yield running
    assert running.end() == 0


def test_ping_says_yes_once_the_model_is_warm(server):
    assert server.request("GET", "/ping")[0] == 200
    ready = next(event for event in server.events if event["event"] == "ready")
    assert (ready["model"], ready["version"]) == ("colours", "3")


@pytest.mark.parametrize("colour", CLASSES)
@pytest.mark.parametrize(
    ("suffix", "width", "height"), [(".png", 16, 16), (".jpg", 16, 16), (".jpg", 640, 333), (".png", 7, 90)]
)
def test_an_image_of_any_size_is_classified(server, colour, suffix, width, height):
    kind = "image/png" if suffix == ".png" else "image/jpeg"
    status, answer, _ = server.invoke(picture(colour, suffix, width, height), kind)
    assert status == 200
    assert answer["model"] == {"name": "colours", "version": "3"}
    assert [set(item) for item in answer["predictions"]] == [{"label", "index", "probability"}] * 3
    assert answer["predictions"][0]["label"] == colour
    assert answer["predictions"][0]["index"] == CLASSES.index(colour)
    probabilities = [item["probability"] for item in answer["predictions"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)


def test_the_numbers_are_those_of_the_formula(server):
    """220 of 255 on red, 0 elsewhere, mean 0.5, std 0.25."""
    scores = (np.array([220 / 255, 0, 0]) - 0.5) / 0.25
    wanted = np.exp(scores) / np.exp(scores).sum()
    _, answer, _ = server.invoke(picture("red"))
    got = {item["label"]: item["probability"] for item in answer["predictions"]}
    assert [got[name] for name in CLASSES] == pytest.approx(wanted.tolist(), abs=1e-6)


@pytest.mark.parametrize("grey", [True, False])
def test_grey_and_transparent_images_are_images_too(server, grey):
    pixels = np.full((20, 20) if grey else (20, 20, 4), 128, np.uint8)
    status, answer, _ = server.invoke(cv2.imencode(".png", pixels)[1].tobytes())
    assert status == 200
    assert answer["predictions"][0]["probability"] == pytest.approx(1 / 3, abs=1e-6)


def test_a_batch_is_answered_in_its_order(server):
    colours = ["blue", "red", "red", "green"] * 5
    instances = [{"b64": base64.b64encode(picture(colour)).decode()} for colour in colours]
    status, answer, _ = server.invoke(json.dumps({"instances": instances}).encode(), "application/json; charset=utf-8")
    assert status == 200
    assert [ranked[0]["label"] for ranked in answer["predictions"]] == colours


def test_many_clients_at_once_each_get_their_own_answer(server):
    colours = [CLASSES[k % 3] for k in range(60)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda colour: server.invoke(picture(colour)), colours))
    assert [answer["predictions"][0]["label"] for _, answer, _ in answers] == colours


def png_that_claims(width: int, height: int) -> bytes:
    body = bytearray(picture("red"))
    body[16:24] = struct.pack(">II", width, height)
    body[29:33] = struct.pack(">I", zlib.crc32(body[12:29]))
    return bytes(body)


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"", "image/png", 400, "empty"),
        (b"GIF89a" + bytes(40), "image/png", 400, "neither PNG nor JPEG"),
        (picture("red")[:-20], "image/png", 400, "breaks off"),
        (picture("red", ".jpg", 64, 64)[:-40], "image/jpeg", 400, "breaks off"),
        (picture("red")[:33] + bytes(40), "image/png", 400, "damaged"),
        (picture("red")[:50] + b"!" + picture("red")[51:], "image/png", 400, "damaged"),
        (png_that_claims(0, 16), "image/png", 400, "1 to 1000000 pixels"),
        (png_that_claims(60_000, 60_000), "image/png", 413, "1 to 1000000 pixels"),
        (picture("red", ".jpg", 1200, 900), "image/jpeg", 413, "1 to 1000000 pixels"),
        (picture("red") + bytes(100_000), "image/png", 413, "100000 bytes"),
        (picture("red"), "text/plain", 415, "application/json"),
        (picture("red"), "", 415, "image/png"),
        (b"{", "application/json", 400, "instances"),
        (b"[" * 100_000, "application/json", 400, "instances"),
        (b"[]", "application/json", 400, "must be a list"),
        (b'{"instances": []}', "application/json", 400, "not empty"),
        (b'{"instances": [{"b64": 5}]}', "application/json", 400, "base64"),
        (b'{"instances": [{"b64": "a*b="}]}', "application/json", 400, "base64"),
        (b'{"instances": [{"b64": "aGVsbG8="}]}', "application/json", 400, "neither PNG nor JPEG"),
        (json.dumps({"instances": [{"b64": ""}] * 65}).encode(), "application/json", 413, "64 images"),
    ],
)
def test_bad_input_is_refused_with_a_remedy_and_the_server_goes_on(server, body, kind, status, says):
    got, answer, _ = server.invoke(body, kind)
    assert got == status
    assert set(answer) == {"error", "field", "value", "remedy"}
    assert says in f"{answer['value']} {answer['remedy']}"
    assert server.invoke(picture("green"))[1]["predictions"][0]["label"] == "green"


def test_the_bad_one_of_a_batch_is_named(server):
    instances = [{"b64": base64.b64encode(body).decode()} for body in (picture("red"), picture("red")[:60])]
    status, answer, _ = server.invoke(json.dumps({"instances": instances}).encode(), "application/json")
    assert status == 400
    assert answer["field"] == "instances[1].body"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("GET", "/invocations", 405)])
def test_other_addresses_are_refused(server, method, path, status):
    assert server.request(method, path)[0] == status


def test_logs_hold_no_payload(server):
    text = base64.b64encode(b"secret picture").decode()
    server.invoke(json.dumps({"instances": [{"b64": text}]}).encode(), "application/json")
    server.invoke(b"secret words", "image/png")
    refused = server.event("refused")
    assert {"time", "event", "status", "field", "value", "ms"} == set(refused)
    assert text not in json.dumps(server.events)
    assert "secret" not in json.dumps(server.events)


def test_a_body_above_the_limit_gets_its_answer(start):
    server = start(SERVING_MAX_BODY_BYTES="50000").ready()
    status, answer, headers = server.invoke(bytes(120_000))
    assert status == 413
    assert answer["value"] == 120_000
    assert headers["Connection"] == "close"


def test_more_images_than_may_wait_get_503(start):
    server = start(SERVING_QUEUE="2").ready()
    instances = [{"b64": base64.b64encode(picture("red")).decode()}] * 3
    status, answer, headers = server.invoke(json.dumps({"instances": instances}).encode(), "application/json")
    assert status == 503
    assert headers["Retry-After"] == "1"
    assert "at most 2" in answer["remedy"]
    for _ in range(3):  # an answered image waits no longer
        assert server.invoke(json.dumps({"instances": instances[:2]}).encode(), "application/json")[0] == 200


def half_sent(server: Server, body: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body[:20])
    return connection


def test_a_body_that_never_ends_is_given_up(start):
    server = start(SERVING_PATIENCE_S="1").ready()
    with half_sent(server, picture("red")) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_a_client_that_goes_away_harms_nobody(start):
    server = start().ready()
    half_sent(server, picture("red")).close()
    assert server.invoke(picture("blue"))[0] == 200
    assert server.end() == 0


def test_sigterm_lets_requests_in_flight_finish(start):
    server = start().ready()
    body = picture("blue")
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
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"label": "blue"' in answer
    assert server.process.wait(20) == 0


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "model.onnx is missing"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"rubbish"), "cannot be loaded"),
        (lambda folder: (folder / "model.json").unlink(), "unpack model.tar.gz"),
        (lambda folder: (folder / "model.json").write_text("{"), "not JSON"),
        (lambda folder: write_model(folder, classes=["red", "green"]), "2 classes"),
        (lambda folder: write_model(folder, input=DESCRIPTION["input"] | {"layout": "NHWC"}), "NCHW"),
        (lambda folder: write_model(folder, input=DESCRIPTION["input"] | {"height": 24}), "cannot answer"),
    ],
    ids=["no model", "broken model", "no description", "broken description", "classes", "layout", "size"],
)
def test_a_model_that_cannot_be_served_ends_the_server(start, tmp_path, break_it, says):
    folder = write_model(tmp_path / "broken")
    break_it(folder)
    server = start(model=folder)
    failed = server.event("failed")
    assert says in failed["reason"]
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


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "70000", "٣"])
def test_a_setting_that_is_no_number_is_explained(value):
    with pytest.raises(ModelError, match="SAGEMAKER_BIND_TO_PORT"):
        options.from_environment({"SAGEMAKER_BIND_TO_PORT": value})


def test_the_defaults_are_the_container_contracts_but_for_the_address():
    settings_ = options.from_environment({})
    assert (settings_.port, settings_.model, settings_.host) == (8080, Path("/opt/ml/model"), "127.0.0.1")


def test_the_server_needs_no_torch():
    code = (
        "import sys, training.serving.__main__; print([m for m in ('torch', 'training.learning') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xc0\x00\x11"]), st.binary(max_size=80)
)
def test_any_bytes_have_a_size_or_are_refused(start_, rest):
    try:
        width, height, kind = size_of(start_ + rest)
    except RequestError as error:
        status = error.status
    else:
        status = 200
        assert width >= 0
        assert height >= 0
        assert kind in {"png", "jpeg"}
    assert status in {200, 400}


@given(st.data(), st.sampled_from([".png", ".jpg"]))
def test_no_beginning_of_an_image_passes_for_a_whole_one(data, suffix):
    body = picture("red", suffix, 40, 30)
    assert size_of(body)[:2] == (40, 30)
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(RequestError) as caught:
        size_of(body[:cut])
    assert caught.value.status == 400
