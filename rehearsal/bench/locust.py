"""How much the load generator itself can send: against a server that does nothing, beside Locust's HttpUser and wrk."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from loadtest.errors import LoadGeneratorError
from loadtest.generator import Report, generate
from loadtest.plan import Plan
from loadtest.shapes import steady
from rehearsal.bench.row import BenchError, Measure, Note, Row, at_least, at_most, fact, interleaved_all, ratio, rounds
from terraform.command import ROOT

USERS = 16
SECONDS = 4.0
WARM_UP_S = 1.0
IMAGE_BYTES = 10_000
WRK = "wrk"
PEER_TIMEOUT_S = 120


def rows(note: Note) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, server() as port:
        images = Path(folder) / "images"
        images.mkdir()
        (images / "picture.png").write_bytes(b"\x89PNG" + bytes(IMAGE_BYTES))
        env = environment(port, images)
        runs: list[Report] = []
        measures: dict[str, Measure] = {
            "one": partial(ours, images, env, 0, runs),
            "two": partial(ours, images, env, 2, runs),
            "plain": partial(plain, Path(folder) / "plain.json", env),
        }
        if shutil.which(WRK):
            measures["wrk"] = partial(wrk, Path(folder) / "post.lua", port)
        note(f"load generators with {USERS} users: {', '.join(measures)}")
        taken = interleaved_all(rounds(), measures)
    median = {name: statistics.median(values) for name, values in taken.items()}
    single = [run for run in runs if run["workers"] == 0]
    share = statistics.median(run["cpu_share"] * run["seconds"] / run["requests"] for run in single)
    found = [
        at_least("one FastHttpUser process", median["one"], 1000, "requests/s"),
        at_most("failed requests of all its runs", float(sum(run["failures"] for run in runs)), 0, "requests"),
        fact("its CPU per request", 1000 * share, "ms"),
        fact("two workers", median["two"], "requests/s"),
        fact("two workers against one process", ratio(taken, "two", "one"), "x"),
        fact("Locust's HttpUser, one process", median["plain"], "requests/s"),
        fact("our process against it", ratio(taken, "one", "plain"), "x"),
    ]
    if "wrk" in median:
        return [*found, fact("wrk, which neither signs nor records, one thread", median["wrk"], "requests/s")]
    return [*found, Row("wrk", f"not measured: {WRK} is not on PATH; install it, e.g. apt-get install wrk")]


@contextmanager
def server() -> Iterator[int]:
    """A server that does nothing, for as long as it is needed; yields its port."""
    command = [sys.executable, "-m", "rehearsal.bench.servers.nothing"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101  it was asked for
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def environment(port: int, images: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "no-secret",
        "AWS_CONFIG_FILE": os.devnull,
        "BENCH_IMAGES": str(images),
        "PYTHONPATH": str(ROOT),
    }


def ours(images: Path, env: dict[str, str], workers: int, runs: list[Report]) -> float:
    """Requests per second of our users."""
    plan = Plan("endpoint", "nothing", images, steady(USERS, SECONDS), warmup_s=WARM_UP_S, workers=workers)
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = generate(plan, Path(folder) / "locust.log", env=env)
        except LoadGeneratorError as error:
            raise BenchError(str(error)) from error
    if not result["requests"]:
        raise BenchError(f"no request was answered: {result['errors']}")
    runs.append({**result, "workers": workers})
    return float(result["rps"])


def plain(report: Path, env: dict[str, str]) -> float:
    """Requests per second of HttpUser."""
    told = ["--json-file", str(report.with_suffix("")), "--run-time", f"{SECONDS:.0f}s", "--only-summary", "--headless"]
    users = ["--users", str(USERS), "--spawn-rate", str(USERS), "--reset-stats"]
    command = [sys.executable, "-m", "locust", "--locustfile", str(Path(__file__).with_name("http_user.py"))]
    _run([*command, *told, *users], env)
    (stats,) = json.loads(report.read_text())
    if stats["num_failures"]:
        raise BenchError(f"HttpUser: {stats['num_failures']} of {stats['num_requests']} requests failed")
    return float(stats["num_requests"] / (stats["last_request_timestamp"] - stats["start_time"]))


def wrk(script: Path, port: int) -> float:
    """Requests per second of wrk."""
    script.write_text(f'wrk.method = "POST"\nwrk.body = string.rep("x", {IMAGE_BYTES})\n')
    load = ["-t1", f"-c{USERS}", f"-d{SECONDS:.0f}s", "-s", str(script)]
    said = _run([WRK, *load, f"http://127.0.0.1:{port}/endpoints/nothing/invocations"], dict(os.environ))
    return float(next(line.split()[1] for line in said.splitlines() if line.startswith("Requests/sec:")))


def _run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PEER_TIMEOUT_S, check=False
    )
    if done.returncode:
        said = done.stderr.strip()[-300:]
        raise BenchError(f"{' '.join(command)[:120]} ended with exit code {done.returncode}: {said}")
    return done.stdout
