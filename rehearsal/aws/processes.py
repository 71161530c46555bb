"""Every child process of the embedded AWS: started here, counted here, ended here.

A child gets its own process group, so that whatever it starts ends with it; grandchildren that have left the group (as
torchrun's workers do) are looked for. Should the server itself be killed without a chance to clean up, the warden (a
tiny process holding a pipe to the server) ends what is left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_WARDEN = """
import glob, os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
parents = {}
for path in glob.glob("/proc/[0-9]*/stat"):
    try:
        with open(path) as stat:
            facts = stat.read().rpartition(")")[2].split()
        parents[int(path.split("/")[2])] = (int(facts[1]), int(facts[2]))
    except OSError:
        pass
found = True
family = set(groups)
while found:
    found = {pid for pid, (parent, _) in parents.items() if parent in family} - family
    family |= found
for group in groups | {parents[pid][1] for pid in family if pid in parents}:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""

_children: set[Process] = set()
_lock = threading.RLock()
_warden: list[subprocess.Popen[str]] = []
_closed = threading.Event()


class ServerStoppingError(RuntimeError):
    """A child was asked for while the server is ending."""


class Process:
    """One child process with everything it starts in turn."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self._popen = popen
        self.pid = popen.pid

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        status = self._popen.poll()
        if status is not None:
            _forget(self)
        return status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status; ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
        status = self._popen.wait(timeout)
        _forget(self)
        return status

    def lines(self) -> Iterator[str]:
        """Yield the lines of stdout and stderr together as they come; only for a process without a log file."""
        if self._popen.stdout is None:
            raise ValueError("this process writes to a log file: start it with log=None to read its lines")
        for line in self._popen.stdout:
            yield line.rstrip("\n")

    def output_descriptor(self) -> int:
        """Return the file descriptor of stdout and stderr together, for a caller that reads it without blocking."""
        if self._popen.stdout is None:
            raise ValueError("this process writes to a log file: start it with log=None to read its output")
        return self._popen.stdout.fileno()

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; nothing happens when it is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def stop(self, grace: float = 5.0) -> int:
        """Ask the group to end, insist after ``grace`` seconds, and return the exit status."""
        left: list[psutil.Process] = []
        if self._popen.poll() is None:
            left = _left_group(self.pid)
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(grace)
        self.signal(signal.SIGKILL)  # grandchildren may outlive a polite leader
        for one in left:
            with contextlib.suppress(psutil.Error):  # gone, or its number belongs to another by now
                one.kill()
        status = self._popen.wait()
        _forget(self)
        return status

    def kill(self) -> None:
        """End the whole group at once."""
        self.stop(grace=0.0)


def spawn(
    cmd: Sequence[str], *, env: Mapping[str, str], cwd: Path | str | None = None, log: Path | None = None
) -> Process:
    """Start a child.

    Parameters
    ----------
    env
        Its whole environment; see :meth:`rehearsal.aws.context.Context.process_env`.
    log
        File that gets stdout and stderr. None: read them with :meth:`Process.lines`.

    Raises
    ------
    ServerStoppingError
        When :func:`stop_all` has begun: a late request must not leave a process behind.
    """
    with _lock:
        if _closed.is_set():
            raise ServerStoppingError(f"the embedded AWS is stopping: {cmd[0]} is not started")
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(log.open("ab")) if log else subprocess.PIPE
            popen = subprocess.Popen(
                list(cmd),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
                errors="replace",
            )
        process = Process(popen)
        _children.add(process)
        _tell_warden("+", process.pid)
    return process


def running() -> int:
    """Return how many children are alive."""
    with _lock:
        children = list(_children)
    return sum(child.poll() is None for child in children)


def stop_all(grace: float = 3.0) -> None:
    """End every child and refuse new ones. Safe to call twice."""
    _closed.set()
    with _lock:
        children = list(_children)
    for child in children:
        child.signal(signal.SIGTERM)
    deadline = time.monotonic() + grace
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
        child.stop(grace=0.0)
    with _lock:
        while _warden:
            warden = _warden.pop()
            if warden.stdin:
                warden.stdin.close()
            warden.wait()


def _left_group(leader: int) -> list[psutil.Process]:
    """Return the descendants of a process that are in other groups than its own."""
    found = []
    with contextlib.suppress(psutil.Error):
        for one in psutil.Process(leader).children(recursive=True):
            with contextlib.suppress(psutil.Error, OSError):
                if os.getpgid(one.pid) != leader:
                    found.append(one)
    return found


def _forget(process: Process) -> None:
    with _lock:
        if process in _children:
            _children.discard(process)
            _tell_warden("-", process.pid)


def _tell_warden(sign: str, group: int) -> None:
    if not _warden:
        if sign == "-":
            return
        _warden.append(
            subprocess.Popen(
                [sys.executable, "-S", "-E", "-c", _WARDEN],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                text=True,
            )
        )
    pipe = _warden[0].stdin
    if pipe:
        with contextlib.suppress(BrokenPipeError):
            pipe.write(f"{sign}{group}\n")
            pipe.flush()
