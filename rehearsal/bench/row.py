"""What every group of measurements shares: rows, fair turns, and the CPU time of processes.

A group is a module of this package with ``rows(note) -> list[Row]``, named in ``GROUPS`` of ``__main__``. ``note``
takes a line that tells whoever waits what is being measured. A group measures like this::

    def rows(note):
        note("our server and its peer")
        taken = interleaved(rounds(), {"ours": one_run_of_ours, "peer": one_run_of_the_peer})  # medians
        return [
            at_most("our server, CPU per request", 1000 * taken["ours"], 0.15, "ms"),
            at_least("speed against the peer", taken["peer"] / taken["ours"], 1.7, "x"),
        ]

Each callable makes one measurement and returns one number; what must be warm is warmed before ``interleaved`` is
called. The clock runs slow on a busy machine, so prefer CPU time: ``median_cpu`` for calls in this process,
``cpu_of_command`` for a process from its start to its end, ``CpuOf`` for processes that go on running. The ratio of
each round is closer to the truth than the ratio of two medians: ``ratio`` of what ``interleaved_all`` returns.

A peer that cannot be had is a row of ``not_measured``, which says what is missing and how to get it; a goal that was
not measured is never reported as met. What fails for any other reason raises ``BenchError``: the other groups are still
measured, and the run ends with 1.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

Measure = Callable[[], float]
Note = Callable[[str], None]

DEFAULT_ROUNDS = 5
MOST_ROUNDS = 100


class BenchError(Exception):
    """A measurement cannot be made; the message names the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes
    ----------
    what
        What was measured.
    measured
        The figure with its unit; or why there is none.
    goal
        What it is held against; empty where nothing was promised.
    met
        None where nothing was promised, or nothing could be measured.
    """

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """One word for the table."""
        if not self.goal:
            return ""
        return {True: "met", False: "**missed**", None: "**not measured**"}[self.met]


def at_most(what: str, value: float, limit: float, unit: str) -> Row:
    """A row whose goal is not to exceed `limit`; NaN exceeds every limit."""
    return Row(what, _figure(value, unit), f"<= {limit:g}{_space(unit)}{unit}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str) -> Row:
    """A row whose goal is to reach `limit`; NaN reaches none."""
    return Row(what, _figure(value, unit), f">= {limit:g}{_space(unit)}{unit}", value >= limit)


def fact(what: str, value: float, unit: str) -> Row:
    """A row that holds the value against nothing."""
    return Row(what, _figure(value, unit))


def not_measured(what: str, goal: str, why: str) -> Row:
    """A row for a goal that this machine could not be held to; `why` names what is missing and the remedy."""
    return Row(what, f"not measured: {why}", goal, None)


def rounds(default: int = DEFAULT_ROUNDS) -> int:
    """How many turns each measurement takes: the environment variable ROUNDS, else `default`.

    Raises
    ------
    BenchError
        ROUNDS is no whole number from 1 to `MOST_ROUNDS`.
    """
    text = os.environ.get("ROUNDS", "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_ROUNDS):
        raise BenchError(f"ROUNDS = {text!r}: must be a whole number from 1 to {MOST_ROUNDS}, such as ROUNDS=5")
    return int(text)


def interleaved_all(count: int, measures: Mapping[str, Measure]) -> dict[str, list[float]]:
    """Let the measurements take turns, `count` times, so that a busy moment touches them alike; all their results.

    Every other round goes backwards: what always came second would always run on the warmer machine.
    """
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(count):
        for name in reversed(list(measures)) if turn % 2 else measures:
            taken[name].append(measures[name]())
    return taken


def interleaved(count: int, measures: Mapping[str, Measure]) -> dict[str, float]:
    """The medians of `interleaved_all`."""
    return {name: statistics.median(values) for name, values in interleaved_all(count, measures).items()}


def ratio(taken: Mapping[str, Sequence[float]], over: str, under: str) -> float:
    """The median over the rounds of `over` divided by `under`, from the results of `interleaved_all`."""
    return statistics.median(a / b for a, b in zip(taken[over], taken[under], strict=True))


def median_cpu(act: Callable[[], object], least_s: float) -> float:
    """CPU seconds of one call in this process: the median of as many as take `least_s` together."""
    taken: list[float] = []
    begin = last = time.process_time()
    while last - begin < least_s:
        act()
        now = time.process_time()
        taken.append(now - last)
        last = now
    return statistics.median(taken)


def cpu_of_command(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> float:
    """CPU seconds of a command and of all children it has waited for, from its start to its end.

    Raises
    ------
    BenchError
        It failed; the message ends with what it said.
    """
    with subprocess.Popen(
        list(command), cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None  # noqa: S101  it was asked for
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = said.strip()[-300:]
        raise BenchError(f"{' '.join(command)[:120]} ended with exit code {process.returncode}: {last}")
    return usage.ru_utime + usage.ru_stime


class CpuOf:
    """CPU seconds that a running process and its children take between two looks."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._last = self._total()

    def since(self) -> float:
        """CPU seconds since the last call, or since this was made."""
        before, self._last = self._last, self._total()
        return self._last - before

    def _total(self) -> float:
        total = 0.0
        for process in [self._process, *self._process.children(recursive=True)]:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            # What children used that have ended since is in their parent's account.
            total += times.user + times.system + times.children_user + times.children_system
        return total


def _figure(value: float, unit: str) -> str:
    digits = 3 if abs(value) < 0.1 else 2 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}{_space(unit)}{unit}"


def _space(unit: str) -> str:
    return "" if unit == "x" else " "
