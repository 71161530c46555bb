"""Runs Locust as child processes, bounded in time, and hands their reports on."""

from __future__ import annotations

import contextlib
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
from typing import Any

from loadtest.errors import LoadGeneratorError, LoadUsageError
from loadtest.plan import Plan

ROOT = Path(__file__).resolve().parent.parent
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
USERS = {"endpoint": "EndpointUser", "function": "FunctionUser", "workflow": "WorkflowUser"}

# Import of Locust, connecting and spawning before the warm-up, and an orderly end after the measurement.
START_GRACE_S = 60.0
STOP_GRACE_S = 5.0
# How soon a process that ended on its own is noticed.
LOOK_EVERY_S = 0.5
LOOPBACK = "127.0.0.1"
# Time to start workers on other machines by hand.
GATHER_S = 600.0

Report = dict[str, Any]
Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Address:
    """Where a master listens."""

    host: str
    port: int

    @staticmethod
    def parse(field: str, text: str) -> Address:
        """Read `HOST:PORT`."""
        host, colon, port = text.rpartition(":")
        if not (host and colon and port.isdigit() and int(port) <= 65_535):
            raise LoadUsageError(field, text, "give HOST:PORT, such as 10.0.1.5:5557")
        return Address(host.strip("[]"), int(port))


def command(plan: Plan, *role: str) -> list[str]:
    """Return the Locust command line of a process; `role` holds the options of a master or a worker."""
    # Every sending process gets as many users: who has nothing to do idles.
    users = plan.processes
    if plan.arrivals == "closed":
        users *= -(-int(plan.shape.most) // plan.processes)
    return [
        *(sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless", "--only-summary"),
        # A failed request is a measurement for the gate to judge, not an error of the generator.
        *("--exit-code-on-error", "0"),
        *("--users", str(users), "--spawn-rate", str(users)),
        # The conductor ends the run; this ends it should the conductor itself die.
        *("--run-time", f"{int(deadline_s(plan))}s", "--expect-workers-max-wait", f"{GATHER_S:.0f}"),
        *("--plan", plan.document()),
        *role,
        USERS[plan.kind],
    ]


def deadline_s(plan: Plan) -> float:
    """Return the seconds after which the generator is considered stuck."""
    drains = 1 + (plan.shape.stairs.refine if plan.shape.stairs else 0)
    return plan.shape.longest_s + plan.warmup_s + drains * plan.drain_s + START_GRACE_S


def generate(
    plan: Plan,
    log: Path,
    on_report: Callable[[Report], None] | None = None,
    env: Mapping[str, str] | None = None,
    master: Address | None = None,
) -> Report:
    """Run a plan and return its `result` report, with the samples under `samples`.

    Parameters
    ----------
    log
        File that receives Locust's own messages; those of workers get a file each beside it.
    on_report
        Called with every report as it arrives: `warm`, `level`, `sample` and `result`. What it adds to a sample stays
        there.
    env
        Environment of the generator; this process's own by default.
    master
        Where to wait for `plan.workers` workers on other machines; without it they are started here, and connect to a
        port of the loopback that the system chooses.

    Raises
    ------
    LoadGeneratorError
        Locust ended without a result or lost a worker, or did not end in time.
    """
    children = Children(log, env)
    at = master or Address(LOOPBACK, 0)
    role = ("--master", "--expect-workers", str(plan.workers)) if plan.workers else ()
    bind = ("--master-bind-host", at.host, "--master-bind-port", str(at.port)) if plan.workers else ()
    try:
        main = children.start("locust", command(plan, *role, *bind), piped=True)
        return _follow(plan, main, children, on_report, master)
    finally:
        children.stop()


def help_out(plan: Plan, master: Address, log: Path, env: Mapping[str, str] | None = None) -> None:
    """Send for a master on another machine until it says that the test is over.

    Raises
    ------
    LoadGeneratorError
        The worker ended in any other way, or did not end in time.
    """
    children = Children(log, env)
    address = ("--master-host", master.host, "--master-port", str(master.port))
    try:
        status = children.start("locust", command(plan, "--worker", *address)).wait(deadline_s(plan) + GATHER_S)
    except subprocess.TimeoutExpired:
        raise LoadGeneratorError(f"no end of the test from {master.host}:{master.port}") from None
    finally:
        children.stop()
    if status:
        raise LoadGeneratorError(f"the worker ended with status {status}.\n{_tail(log)}")


class Children:
    """The processes of one run; none of them outlives `stop`."""

    def __init__(self, log: Path, env: Mapping[str, str] | None) -> None:
        self._log = log
        self._env = {**(os.environ if env is None else env), "PYTHONUNBUFFERED": "1"}
        self._env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), self._env.get("PYTHONPATH")]))
        self._running: dict[str, Child] = {}

    def start(self, name: str, line: list[str], *, piped: bool = False) -> Child:
        """Start a process that logs to a file of its own."""
        with self.log(name).open("wb") as messages:
            # A session of its own: Ctrl-C reaches this process only, which then ends the generator in order.
            child = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else messages,
                stderr=messages,
                env=self._env,
                start_new_session=True,
            )
        self._running[name] = child
        return child

    def log(self, name: str) -> Path:
        """Return the file that a process logs to."""
        return self._log if name == "locust" else self._log.with_name(f"{name}.log")

    def ended(self) -> tuple[str, int] | None:
        """Return the name and the status of a worker that has ended, if there is one."""
        for name, child in self._running.items():
            status = child.poll()
            if name != "locust" and status is not None:
                return name, status
        return None

    def stop(self) -> None:
        """End all of them."""
        for child in self._running.values():
            stop(child)


def stop(child: Child) -> None:
    """End a process and everything it started: politely, then by force."""
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
    plan: Plan,
    main: Child,
    children: Children,
    on_report: Callable[[Report], None] | None,
    master: Address | None,
) -> Report:
    reports: queue.Queue[Report | None] = queue.Queue()
    threading.Thread(target=_read, args=(main.stdout, reports), daemon=True).start()
    patience_s = deadline_s(plan) + (GATHER_S if master else 0.0)
    end, samples = time.monotonic() + patience_s, []
    while True:
        try:
            report = reports.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            _demand_workers(children)
            if time.monotonic() > end:
                raise LoadGeneratorError(f"Locust was still running {patience_s:.0f} s after its start") from None
            continue
        if report is None:
            _demand_workers(children)
            raise LoadGeneratorError(
                f"Locust ended with status {main.wait()} and no result.\n{_tail(children.log('locust'))}"
            )
        if on_report:
            on_report(report)
        kind = report.pop("kind")
        if kind == "port" and not master:
            for number in range(1, plan.workers + 1):
                address = ("--master-host", LOOPBACK, "--master-port", str(report["port"]))
                children.start(f"worker-{number}", command(plan, "--worker", *address))
        elif kind == "sample":
            samples.append(report)
        elif kind == "error":
            raise LoadGeneratorError(str(report["message"]))
        elif kind == "result":
            with contextlib.suppress(subprocess.TimeoutExpired):
                main.wait(STOP_GRACE_S)
            return {**report, "samples": samples}


def _demand_workers(children: Children) -> None:
    lost = children.ended()
    if lost:
        name, status = lost
        raise LoadGeneratorError(f"{name} ended with status {status} before the test did.\n{_tail(children.log(name))}")


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
