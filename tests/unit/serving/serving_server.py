"""A server to test, and a model whose answers are known: it names the colour that an image is."""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

CLASSES = ["red", "green", "blue"]
DESCRIPTION: dict[str, Any] = {
    "workload": "colours",
    "version": "3",
    "classes": CLASSES,
    "input": {"height": 16, "width": 16, "channels": 3, "mean": [0.5] * 3, "std": [0.25] * 3, "layout": "NCHW"},
    "metrics": {},
    "source": "synthetic",
    "limits": {"max_image_bytes": 100_000, "max_image_pixels": 1_000_000},
}


def write_model(folder: Path, *, root: bool = False, **changes: object) -> Path:
    """Softmax of the mean of each channel: the brightest channel wins.

    With `root`, of the root of 1 minus that mean, which is not a number where a channel is bright.
    """
    scores = "means" if root else "scores"
    nodes = [helper.make_node("ReduceMean", ["images"], [scores], axes=[2, 3], keepdims=0)]
    if root:
        one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
        nodes.append(helper.make_node("Constant", [], ["one"], value=one))
        nodes.append(helper.make_node("Sub", ["one", "means"], ["rest"]))
        nodes.append(helper.make_node("Sqrt", ["rest"], ["scores"]))
    nodes.append(helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1))
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
    """An image of one colour."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 2 - CLASSES.index(colour)] = 220
    return cv2.imencode(suffix, pixels)[1].tobytes()


def post(body: bytes, kind: str = "image/png", **headers: str) -> bytes:
    """The bytes of a request."""
    fields = {"Host": "x", "Content-Type": kind, "Content-Length": str(len(body))} | headers
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"POST /invocations HTTP/1.1\r\n{head}\r\n".encode() + body


class Server:
    """`python -m training.serving` on a free port."""

    def __init__(self, model: Path, *arguments: str, **environment: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SERVING_", "SM_"))}
        env |= {"SAGEMAKER_BIND_TO_PORT": "0", "SM_MODEL_DIR": str(model), "SERVING_WORKERS": "1"} | environment
        self.workers = int(env["SERVING_WORKERS"])
        command = [sys.executable, "-m", "training.serving", *arguments]
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.events: list[dict[str, Any]] = []
        self._news: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = 0

    def _read(self) -> None:
        assert self.process.stderr
        for text in self.process.stderr:
            self.events.append(json.loads(text))
            self._news.put(self.events[-1])
        self._news.put(None)

    def ready(self) -> Server:
        """Wait until all workers take requests."""
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        for _ in range(self.workers):
            self.event("ready")
        return self

    def event(self, name: str) -> dict[str, Any]:
        """The next line of the log about this event."""
        while (news := self._news.get(timeout=30)) is not None:
            if news["event"] == name:
                return news
        raise AssertionError(f"the server ended without {name}: {self.events}")

    def pids(self) -> list[int]:
        """The latest process of each worker."""
        return list({e.get("worker", 0): e["pid"] for e in self.events if e["event"] == "ready"}.values())

    def request(
        self, method: str, path: str, body: bytes | None = None, kind: str = "image/png", **headers: str
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        """Status, document and headers of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Content-Type": kind} | headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers
        finally:
            connection.close()

    def invoke(self, body: bytes, kind: str = "image/png", **headers: str) -> tuple[int, Any, http.client.HTTPMessage]:
        """Ask the model."""
        return self.request("POST", "/invocations", body, kind, **headers)

    def metrics(self) -> dict[str, float]:
        """The figures of /metrics by name and labels."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return figures(text)

    def end(self) -> int:
        """Stop it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self._reader.join()
            for stream in (self.process.stdout, self.process.stderr):
                assert stream
                stream.close()


def figures(text: str) -> dict[str, float]:
    """The figures of a page in Prometheus' text format by name and labels."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}
