"""The load test as its users run it: a real Locust against a real socket, its exit status and what it leaves behind."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from loadtest_support import GOOD, ROOT, Service, images, run, serving

from loadtest import arrivals, generator
from loadtest.errors import LoadGeneratorError
from loadtest.generator import generate
from loadtest.plan import Plan
from loadtest.shapes import steady


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    return images(tmp_path / "images")


def result(out: Path) -> dict[str, Any]:
    return json.loads((out / "load.json").read_text())


def queue(times: list[float], seconds: float) -> list[float]:
    """Milliseconds in a queue with one server, for each arrival (Lindley's recursion)."""
    free, spent = 0.0, []
    for time_s in times:
        free = max(time_s, free) + seconds
        spent.append(1000 * (free - time_s))
    return spent


def test_a_kept_objective_exits_zero_and_writes_what_was_measured(stock: Path, tmp_path: Path) -> None:
    sizes: set[int] = set()

    def cold_at_first(count: int, path: str, target: str, body: bytes) -> tuple[int, str, bytes]:
        sizes.add(len(body))
        return (503, "", b"warming up") if count <= 4 else GOOD

    with serving(Service(0.005, cold_at_first)) as service:
        arguments = ["--users", "4", "--workers", "2", "--seconds", "1.5", "--warmup", "0.5", "--slo-p95-ms", "5000"]
        done = run(service, tmp_path, "--endpoint", "slipway-x", "--images", str(stock), *arguments)

    assert done.returncode == 0, done.stderr
    assert "objective kept" in done.stdout
    assert "4 users" in done.stderr
    assert service.wrong_signatures == 0
    assert service.paths == {"/endpoints/slipway-x/invocations"}
    assert len(sizes) == 3
    load = result(tmp_path)
    # The warm-up reached the service, and is in no figure.
    assert load["failures"] == 0
    assert load["slo"]["passed"] is True
    assert 0 < load["requests"] < service.count
    assert sum(count for _, count in load["histogram"]) == load["requests"]
    assert load["p50_ms"] <= load["p95_ms"] <= load["p99_ms"] <= load["max_ms"] * 1.01
    assert load["rps"] == pytest.approx(load["requests"] / load["seconds"], rel=0.05)
    assert [sample["users"] for sample in load["samples"]] == [4, 4]
    assert load["samples"][-1]["t"] == pytest.approx(1.5, abs=0.5)
    (step,) = load["steps"]
    assert (step["users"], step["requests"], step["samples"]) == (4, load["requests"], [0, 2])
    # The caller may not see the endpoint: a note, and no instances.
    assert "instances unknown" in done.stderr
    assert load["instances"] is None


def test_open_arrivals_show_the_queue_that_waiting_users_hide(stock: Path, tmp_path: Path) -> None:
    seconds, rate, length = 0.02, 40.0, 4
    with serving(Service(seconds)) as service:
        arguments = ["--rate", str(rate), "--seconds", str(length), "--warmup", "0", "--seed", "5"]
        objective = ["--slo-p95-ms", str(1.5 * 1000 * seconds), "--max-lag-ms", "5000"]
        done = run(service, tmp_path, "--endpoint", "e", "--images", str(stock), *arguments, *objective)

    assert done.returncode == 1, done.stderr
    assert "BROKEN: p95_ms" in done.stdout
    load = result(tmp_path)
    times = list(arrivals.draw("poisson", rate, length, (5, 1)))
    expected = queue(times, seconds)
    assert load["requests"] == len(times)
    assert load["offered_rps"] == pytest.approx(len(times) / length)
    # A machine adds to what the queue adds, by what it was late itself; it never takes away.
    for name, share in (("p50_ms", 50), ("p95_ms", 95)):
        theory = float(np.percentile(expected, share, method="inverted_cdf"))
        assert theory * 0.99 <= load[name] <= theory + 40 + 3 * load["lag_p99_ms"], name


@pytest.mark.slow
def test_workers_share_the_arrivals_and_their_counts_add_up(stock: Path, tmp_path: Path) -> None:
    with serving(Service(0.005)) as service:
        arguments = ["--rate", "60", "--arrivals", "constant", "--seconds", "2", "--warmup", "0.5", "--workers", "2"]
        arguments += ["--max-lag-ms", "5000"]
        done = run(service, tmp_path, "--endpoint", "e", "--images", str(stock), *arguments)

    assert done.returncode == 0, done.stderr
    load = result(tmp_path)
    assert load["workers"] == 2
    assert load["requests"] == 120
    assert sum(count for _, count in load["histogram"]) == 120
    assert sum(sample["dropped"] for sample in load["samples"]) == 0
    assert service.wrong_signatures == 0


@pytest.mark.slow
def test_failing_requests_break_the_objective_and_say_why(stock: Path, tmp_path: Path) -> None:
    with serving(Service(0.005, lambda count, *_: (500, "", b"model fell over") if count % 2 else GOOD)) as service:
        arguments = ["--users", "4", "--seconds", "1", "--warmup", "0"]
        done = run(service, tmp_path, "--endpoint", "e", "--images", str(stock), *arguments)

    assert done.returncode == 1
    assert "BROKEN: failures" in done.stdout
    assert "model fell over" in done.stderr
    load = result(tmp_path)
    assert load["failures"] / load["requests"] == pytest.approx(0.5, abs=0.1)
    assert load["errors"] == [
        {"cause": "HTTP 500", "error": "HTTP 500: model fell over", "count": load["failures"]},
    ]


@pytest.mark.slow
def test_a_target_that_is_down_breaks_the_objective(stock: Path, tmp_path: Path) -> None:
    service = Service()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        service.port = taken.getsockname()[1]
        done = run(service, tmp_path, "--endpoint", "e", "--images", str(stock), "--seconds", "1", "--warmup", "0")
    assert done.returncode == 1
    assert "no answer" in done.stderr


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGINT, 0), pytest.param(signal.SIGTERM, 2, marks=pytest.mark.slow)]
)
def test_an_interrupted_test_leaves_no_process_and_no_document(
    stock: Path, tmp_path: Path, number: int, workers: int
) -> None:
    command = [sys.executable, "-m", "loadtest.run", "--endpoint", "e", "--images", str(stock), "--seconds", "60"]
    with serving(Service(0.01)) as service:
        child = subprocess.Popen(
            [*command, "--workers", str(workers), "--out", str(tmp_path)],
            cwd=ROOT,
            env=service.environment(),
            stderr=subprocess.PIPE,
        )
        try:
            wait_until(lambda: service.count > 0)
            started = psutil.Process(child.pid).children(recursive=True)
            assert len(started) == 1 + workers
            child.send_signal(number)
            _, messages = child.communicate(timeout=20)
        finally:
            child.kill()
            child.wait()
    assert child.returncode == 130
    assert b"interrupted" in messages
    assert not [process for process in started if process.is_running()]
    assert not (tmp_path / "load.json").exists()


@pytest.mark.slow
def test_a_generator_without_a_result_is_an_error_with_its_last_words(stock: Path, tmp_path: Path) -> None:
    plan = Plan("endpoint", "e", stock, steady(1, 1))
    without_region = {name: value for name, value in Service().environment().items() if name != "AWS_DEFAULT_REGION"}
    with pytest.raises(LoadGeneratorError, match="AWS_REGION"):
        generate(plan, tmp_path / "locust.log", env=without_region)


def test_a_stuck_generator_is_ended_at_its_deadline(stock: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(generator, "deadline_s", lambda _: 1.0)
    monkeypatch.setattr(generator, "command", lambda *_: [sys.executable, "-c", "import signal; signal.pause()"])
    with pytest.raises(LoadGeneratorError, match="still running"):
        generate(Plan("endpoint", "e", stock, steady(1, 1)), tmp_path / "locust.log")
    left = [child for child in psutil.Process().children() if "import signal; signal.pause()" in child.cmdline()]
    assert not left


def wait_until(fact: Callable[[], bool], deadline_s: float = 30) -> None:
    end = time.monotonic() + deadline_s
    while not fact():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
