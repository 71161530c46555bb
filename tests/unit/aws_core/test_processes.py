"""Nothing that a child has started outlives it, in whatever session it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from rehearsal.aws import processes

CHILD = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
with subprocess.Popen([sys.executable, "-c", worker], start_new_session=True, stdout=subprocess.PIPE) as far:
    far.stdout.readline()
    print(far.pid, flush=True)
    time.sleep(60)
"""
SERVER = """
import os, signal, sys
from rehearsal.aws import processes
child = processes.spawn([sys.executable, "-c", sys.argv[1]], env=dict(os.environ))
print(next(child.lines()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_a_grandchild_in_a_session_of_its_own_ends_with_its_parent() -> None:
    child = processes.spawn([sys.executable, "-c", CHILD], env=dict(os.environ))
    far = int(next(child.lines()))
    assert os.getpgid(far) != child.pid
    child.stop(grace=0.1)
    assert gone(far)


def test_a_server_that_is_killed_leaves_no_grandchild() -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    killed = subprocess.run([sys.executable, "-c", SERVER, CHILD], env=env, capture_output=True, text=True, check=False)
    assert killed.returncode == -9
    assert gone(int(killed.stdout))
