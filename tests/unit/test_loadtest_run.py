"""The load test as its users run it: a real Locust against a real socket, its exit status and what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from loadtest import generator, run
from loadtest.errors import LoadGeneratorError, LoadUsageError
from loadtest.generator import generate
from loadtest.plan import MAX_USERS, Plan
from loadtest.shapes import steady

ROOT = Path(__file__).resolve().parents[2]


class Answers(BaseHTTPRequestHandler):
    """Answers every POST as its server says, and counts the answers."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        with server.lock:
            server.paths.add(self.path)
            server.count += 1
            status, headers, body = server.answer(server.count)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.wfile.write(head.encode() + body)

    def handle(self) -> None:
        # A load generator hangs up in the middle of requests when its time is over.
        with contextlib.suppress(ConnectionError):
            super().handle()


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Callable[[int], tuple[int, str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.answer, self.count, self.paths, self.lock = answer, 0, set(), threading.Lock()


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    services = []

    def start(
        answer: Callable[[int], tuple[int, str, bytes]] = lambda _: (200, "", b'{"predictions": []}'),
    ) -> Service:
        service = Service(answer)
        services.append(service)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        return service

    yield start
    for service in services:
        service.shutdown()
        service.server_close()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(b"\x89PNG" + bytes([number]))
    return folder


def environment(port: int) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return plain | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": "/dev/null",
    }


def invoke(port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loadtest.run", "--users", "4", "--seconds", "1.5", "--warmup", "0.5", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(port), capture_output=True, text=True, timeout=90, check=False
    )


def test_a_kept_objective_exits_zero_and_writes_what_was_measured(serve, images: Path, tmp_path: Path) -> None:
    first: list[float] = []

    def cold_at_first(count: int) -> tuple[int, str, bytes]:
        if count == 1:
            first.append(time.monotonic())
        return (503, "", b"warming up") if time.monotonic() - first[0] < 0.2 else (200, "", b"{}")

    service = serve(cold_at_first)
    arguments = ["--endpoint", "slipway-x", "--images", str(images), "--out", str(tmp_path), "--slo-p95-ms", "5000"]
    done = invoke(service.server_port, *arguments)

    assert done.returncode == 0, done.stderr
    assert "objective kept" in done.stdout
    assert service.paths == {"/endpoints/slipway-x/invocations"}
    load = json.loads((tmp_path / "load.json").read_text())
    # The warm-up reached the service, and is in no figure.
    assert load["failures"] == 0
    assert load["slo"]["passed"] is True
    assert 0 < load["requests"] < service.count
    assert sum(count for _, count in load["histogram"]) == load["requests"]
    assert load["p50_ms"] <= load["p95_ms"] <= load["p99_ms"] <= load["max_ms"] * 1.01
    assert load["rps"] == pytest.approx(load["requests"] / load["seconds"], rel=0.01)
    assert [sample["users"] for sample in load["samples"]] == [4, 4]
    assert load["samples"][-1]["t"] == pytest.approx(1.5, abs=0.5)
    (step,) = load["steps"]
    assert (step["users"], step["requests"], step["samples"]) == (4, load["requests"], [0, 2])


def test_failing_requests_break_the_objective_and_say_why(serve, images: Path, tmp_path: Path) -> None:
    service = serve(lambda count: (500, "", b"model fell over") if count % 2 else (200, "", b"{}"))
    done = invoke(service.server_port, "--endpoint", "e", "--images", str(images), "--out", str(tmp_path))

    assert done.returncode == 1
    assert "BROKEN: failures" in done.stdout
    assert "model fell over" in done.stderr
    load = json.loads((tmp_path / "load.json").read_text())
    assert load["failures"] / load["requests"] == pytest.approx(0.5, abs=0.1)
    assert load["errors"][0]["count"] == load["failures"]


def test_a_function_that_raises_is_a_failure_although_lambda_answers_200(serve, tmp_path: Path) -> None:
    service = serve(lambda _: (200, "X-Amz-Function-Error: Unhandled\r\n", b'{"errorType": "LowConfidence"}'))
    events = tmp_path / "events.jsonl"
    events.write_text('{"image": {"bucket": "b", "key": "k"}}\n')
    done = invoke(service.server_port, "--function", "f", "--events", str(events), "--out", str(tmp_path))

    assert done.returncode == 1, done.stderr
    assert "LowConfidence" in done.stderr
    assert service.paths == {"/2015-03-31/functions/f/invocations?Qualifier=live"}


def test_a_target_that_is_down_breaks_the_objective(images: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        done = invoke(taken.getsockname()[1], "--endpoint", "e", "--images", str(images), "--out", str(tmp_path))
    assert done.returncode == 1
    assert "no answer" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_test_leaves_no_process_and_no_document(
    serve, images: Path, tmp_path: Path, number: int
) -> None:
    service = serve()
    command = [sys.executable, "-m", "loadtest.run", "--endpoint", "e", "--images", str(images), "--seconds", "60"]
    child = subprocess.Popen(
        [*command, "--out", str(tmp_path)], cwd=ROOT, env=environment(service.server_port), stderr=subprocess.PIPE
    )
    try:
        wait_until(lambda: service.count > 0)
        started = psutil.Process(child.pid).children(recursive=True)
        assert started
        child.send_signal(number)
        _, messages = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130
    assert b"interrupted" in messages
    assert not [process for process in started if process.is_running()]
    assert not (tmp_path / "load.json").exists()


def test_a_generator_without_a_result_is_an_error_with_its_last_words(images: Path, tmp_path: Path) -> None:
    plan = Plan("endpoint", "e", images, steady(1, 1))
    without_region = {name: value for name, value in environment(1).items() if name != "AWS_DEFAULT_REGION"}
    with pytest.raises(LoadGeneratorError, match="AWS_REGION"):
        generate(plan, tmp_path / "locust.log", env=without_region)


def test_a_stuck_generator_is_ended_at_its_deadline(images: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(generator, "deadline_s", lambda _: 1.0)
    monkeypatch.setattr(generator, "command", lambda *_: [sys.executable, "-c", "import signal; signal.pause()"])
    with pytest.raises(LoadGeneratorError, match="still running"):
        generate(Plan("endpoint", "e", images, steady(1, 1)), tmp_path / "locust.log")
    left = [child for child in psutil.Process().children() if "import signal; signal.pause()" in child.cmdline()]
    assert not left


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--endpoint", "e", "--images", "nowhere"], "images"),
        (["--endpoint", "e"], "images"),
        (["--function", "f"], "events"),
        (["--endpoint", "e", "--images", ".", "--users", "0"], "users"),
        (["--endpoint", "e", "--images", ".", "--seconds", "0"], "seconds"),
        (["--endpoint", "e", "--images", ".", "--slo-failures", "2"], "failures"),
        (["--endpoint", " ", "--images", "."], "target"),
        ([], "--endpoint"),
    ],
)
def test_bad_usage_exits_two_and_names_the_field(arguments: list[str], field: str, tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        run.main([*arguments, "--out", str(tmp_path)])
    assert stop.value.code == 2
    assert field in capsys.readouterr().err


def test_plans_beyond_one_generator_are_refused(images: Path) -> None:
    with pytest.raises(LoadUsageError, match="users"):
        Plan("endpoint", "e", images, steady(MAX_USERS + 1, 1))


def wait_until(fact: Callable[[], bool], deadline_s: float = 30) -> None:
    end = time.monotonic() + deadline_s
    while not fact():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
