"""Runs Locust as a child process, bounded in time, and hands its reports on."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from loadtest.errors import LoadGeneratorError, LoadUsageError

ROOT = Path(__file__).resolve().parent.parent
LOCUSTFILE = Path(__file__).with_name("locustfile.py")

# Beyond this, one generator process measures itself instead of the target.
MAX_USERS = 1000
MAX_SECONDS = 3600.0

# Import of Locust and spawning before the warm-up, and an orderly end after the measurement.
START_GRACE_S = 60.0
STOP_GRACE_S = 5.0

Report = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """One load test: who sends what where, and for how long.

    Attributes
    ----------
    kind
        `endpoint` sends images to a SageMaker endpoint, `function` sends events to a Lambda alias.
    target
        Name of the endpoint or function.
    payloads
        Folder of images, or JSON Lines file of events.
    users
        Concurrent users, each waiting for its answer before it sends again.
    seconds, warmup_s
        Measured time, and the time before it that is left out of every figure.
    """

    kind: Literal["endpoint", "function"]
    target: str
    payloads: Path
    users: int
    seconds: float
    warmup_s: float = 2.0
    alias: str = "live"

    def __post_init__(self) -> None:
        if not self.target.strip():
            raise LoadUsageError("target", self.target, "name a deployed endpoint or function")
        if not 1 <= self.users <= MAX_USERS:
            raise LoadUsageError("users", self.users, f"give 1 to {MAX_USERS}")
        if not 1 <= self.seconds <= MAX_SECONDS:
            raise LoadUsageError("seconds", self.seconds, f"give 1 to {MAX_SECONDS:.0f}")
        if not 0 <= self.warmup_s <= MAX_SECONDS:
            raise LoadUsageError("warmup", self.warmup_s, f"give 0 to {MAX_SECONDS:.0f}")

    @property
    def deadline_s(self) -> float:
        """Seconds after which the generator is considered stuck."""
        return self.seconds + self.warmup_s + START_GRACE_S


def command(plan: Plan) -> list[str]:
    """Return the Locust command line of a plan: headless, so without any port."""
    return [
        *(sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless", "--only-summary"),
        # A failed request is a measurement for the gate to judge, not an error of the generator.
        *("--exit-code-on-error", "0"),
        *("--users", str(plan.users), "--spawn-rate", str(plan.users)),
        # The recorder ends the run; this ends it should the recorder itself die.
        *("--run-time", f"{int(plan.deadline_s)}s"),
        *("--target", plan.target, "--alias", plan.alias, "--payloads", str(plan.payloads)),
        *("--warmup-s", str(plan.warmup_s), "--measure-s", str(plan.seconds)),
        "EndpointUser" if plan.kind == "endpoint" else "FunctionUser",
    ]


def generate(
    plan: Plan,
    log: Path,
    on_report: Callable[[Report], None] | None = None,
    env: Mapping[str, str] | None = None,
) -> Report:
    """Run a plan and return its `result` report, with the samples under `timeline`.

    Parameters
    ----------
    log
        File that receives Locust's own messages.
    on_report
        Called with every report as it arrives: `warm`, `sample` and `result`.
    env
        Environment of the generator; this process's own by default.

    Raises
    ------
    LoadGeneratorError
        Locust ended without a result, or did not end in time.
    """
    child_env = {**(os.environ if env is None else env), "PYTHONUNBUFFERED": "1"}
    child_env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), child_env.get("PYTHONPATH")]))
    with log.open("wb") as messages:
        # A session of its own: Ctrl-C reaches this process only, which then ends the generator in order.
        child = subprocess.Popen(
            command(plan),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            env=child_env,
            start_new_session=True,
        )
        try:
            result = _follow(child, plan.deadline_s, on_report)
        finally:
            stop(child)
    if result is None:
        raise LoadGeneratorError(f"Locust ended with status {child.returncode} and no result.\n{_tail(log)}")
    return result


def stop(child: subprocess.Popen[bytes]) -> None:
    """End the generator and everything it started: politely, then by force."""
    for number, patience in ((signal.SIGTERM, STOP_GRACE_S), (signal.SIGKILL, None)):
        if child.poll() is not None:
            break
        os.killpg(child.pid, number)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    if child.stdout:
        child.stdout.close()


def _follow(
    child: subprocess.Popen[bytes], deadline_s: float, on_report: Callable[[Report], None] | None
) -> Report | None:
    reports: queue.Queue[Report | None] = queue.Queue()
    threading.Thread(target=_read, args=(child.stdout, reports), daemon=True).start()
    end, timeline = time.monotonic() + deadline_s, []
    while True:
        try:
            report = reports.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            raise LoadGeneratorError(f"Locust was still running {deadline_s:.0f} s after its start") from None
        if report is None:
            return None
        if on_report:
            on_report(report)
        kind = report.pop("kind")
        if kind == "sample":
            timeline.append(report)
        elif kind == "result":
            child.wait(STOP_GRACE_S)
            return {**report, "timeline": timeline}


def _read(lines: Iterable[bytes], reports: queue.Queue[Report | None]) -> None:
    for line in lines:
        try:
            report = json.loads(line)
        except ValueError:
            continue
        if isinstance(report, dict) and "kind" in report:
            reports.put(report)
    reports.put(None)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
