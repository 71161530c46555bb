"""Start a server, wait until it answers, stop it and its children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import psutil

from rehearsal.bench.client import ask
from rehearsal.bench.row import BenchError, CpuOf
from terraform.command import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

START_S = 60.0


@contextlib.contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], port: int, probe: bytes, log: Path
) -> Iterator[CpuOf]:
    """The CPU account of a server that listens on `port` and has answered `probe`.

    Raises
    ------
    BenchError
        It ended, or did not answer within `START_S`; the message ends with its log's last lines.
    """
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command), cwd=log.parent, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait(process, port, probe, log)
        yield CpuOf(process.pid)
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, probe: bytes, log: Path) -> None:
    deadline = time.monotonic() + START_S
    said: Exception | str = ""
    while time.monotonic() < deadline and process.poll() is None:
        try:
            ask(port, probe)
            return
        except (OSError, BenchError) as error:
            said = error
        time.sleep(0.1)
    ended = "" if process.returncode is None else f"; exit code {process.returncode}"
    lines = log.read_text(encoding="utf-8", errors="replace").strip()[-600:]
    raise BenchError(f"{' '.join(process.args)[:150]} does not answer ({said}{ended}): {lines}")  # type: ignore[arg-type]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole session that was started: a server's workers may outlive it."""
    family = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        psutil.wait_procs(family, timeout=3)
    process.wait()
