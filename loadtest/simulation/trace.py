"""Traffic over time: read from a file, made up, stretched, and turned into single arrivals."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from loadtest.errors import LoadUsageError
from loadtest.simulation.service import Floats

MAX_SECONDS = 40 * 86_400


@dataclass(frozen=True)
class Trace:
    """Requests per second in equal steps of time, or the arrivals themselves with the rates counted from them.

    Attributes
    ----------
    step_s
        Seconds per entry of `rates`.
    rates
        Requests per second.
    arrivals
        Sorted times in seconds since the beginning, when single requests were recorded.
    """

    step_s: float
    rates: Floats
    arrivals: Floats | None = None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.step_s * len(self.rates)

    @property
    def requests(self) -> float:
        """How many requests there are, or are to be expected."""
        return float(len(self.arrivals)) if self.arrivals is not None else float(self.rates.sum() * self.step_s)

    @property
    def peak(self) -> float:
        """Requests per second in the busiest step."""
        return float(self.rates.max())

    @property
    def mean(self) -> float:
        """Requests per second."""
        return float(self.rates.mean())

    def at(self, start: float, count: int, step: float) -> Floats:
        """Return `count` rates from `start` on, every `step` seconds; 0 after the end."""
        index = ((start + (np.arange(count) + 0.5) * step) / self.step_s).astype(int)
        return np.where(index < len(self.rates), self.rates[np.minimum(index, len(self.rates) - 1)], 0.0)

    def scaled(self, factor: float) -> Trace:
        """Return the same shape with `factor` times the traffic; recorded arrivals are given up for their rates."""
        if not (math.isfinite(factor) and factor > 0):
            raise LoadUsageError("scale", factor, "give a number above 0")
        return Trace(self.step_s, self.rates * factor)

    def drawn(self, rng: np.random.Generator) -> Floats:
        """Return arrival times: the recorded ones, or a Poisson process of the rates."""
        if self.arrivals is not None:
            return self.arrivals
        counts = rng.poisson(self.rates * self.step_s)
        begin = np.repeat(np.arange(len(counts)) * self.step_s, counts)
        return np.sort(begin + rng.random(len(begin)) * self.step_s)


def read(path: Path, step_s: float | None = None) -> Trace:
    """Read a trace: CSV with the columns time,rate, or JSON Lines with a `time` per request (`.jsonl`, `.json`).

    Times are seconds or ISO 8601; they are taken relative to the first. A rate holds until the next row's time.

    Parameters
    ----------
    step_s
        Seconds per step of the rates; the rows' own distance by default, 1 s for single requests.

    Raises
    ------
    LoadUsageError
        The file is missing, empty or has a line that is not of the form, which is named.
    """
    if not path.is_file():
        raise LoadUsageError("trace", str(path), "name an existing CSV or JSON Lines file")
    rows = _json_rows(path) if path.suffix in {".jsonl", ".json", ".ndjson"} else _csv_rows(path)
    times = np.array([time for time, _ in rows])
    if len(times) > 1 and np.any(np.diff(times) < 0):
        line = int(np.argmax(np.diff(times) < 0)) + 2
        raise LoadUsageError("trace", f"{path}: entry {line}", "sort it by time")
    times -= times[0]
    if times[-1] > MAX_SECONDS:
        raise LoadUsageError("trace", f"{times[-1]:,.0f} s", f"give at most {MAX_SECONDS:,} s; are these milliseconds?")
    if rows[0][1] is None:
        return recorded(times, step_s or 1.0)
    return _from_rates(times, np.array([rate for _, rate in rows], float), step_s, path)


def recorded(arrivals: Floats, step_s: float = 1.0) -> Trace:
    """Make a trace of single arrivals, sorted seconds."""
    steps = max(1, math.floor(arrivals[-1] / step_s) + 1)
    counts = np.bincount((arrivals / step_s).astype(int), minlength=steps)
    return Trace(step_s, counts / step_s, arrivals)


def _from_rates(times: Floats, rates: Floats, step_s: float | None, path: Path) -> Trace:
    if len(times) == 1:
        raise LoadUsageError(
            "trace", f"{path}: 1 row", "give at least two rows: a rate holds until the next row's time"
        )
    gaps = np.diff(times)
    if not np.all(gaps > 0):
        raise LoadUsageError("trace", f"{path}: entry {int(np.argmin(gaps)) + 2}", "give each time once")
    step = step_s or float(gaps.min())
    # The last row holds as long as the one before it.
    steps = max(1, round((times[-1] + gaps[-1]) / step))
    index = np.searchsorted(times, (np.arange(steps) + 0.5) * step, side="right") - 1
    return Trace(step, rates[index])


def _csv_rows(path: Path) -> list[tuple[float, float | None]]:
    rows: list[tuple[float, float | None]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not row or row[0].lstrip().startswith("#"):
                continue
            if not rows and row[0].strip().lower() == "time":
                continue
            if len(row) != 2:
                raise LoadUsageError("trace", f"{path}:{number}", "write two columns: time,rate")
            rate = _number(row[1], path, number)
            if not (math.isfinite(rate) and rate >= 0):
                raise LoadUsageError("trace", f"{path}:{number}", "give a rate of 0 or more requests per second")
            rows.append((_time(row[0].strip(), path, number), rate))
    if not rows:
        raise LoadUsageError("trace", str(path), "write at least two rows of time,rate")
    return rows


def _json_rows(path: Path) -> list[tuple[float, float | None]]:
    rows: list[tuple[float, float | None]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            time = entry["time"]
        except (ValueError, TypeError, KeyError):
            raise LoadUsageError(
                "trace", f"{path}:{number}", 'make this line an object such as {"time": 1.5}'
            ) from None
        rows.append((_time(time, path, number), None))
    if not rows:
        raise LoadUsageError("trace", str(path), "write at least one request, one JSON object per line")
    return rows


def _number(text: str, path: Path, number: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise LoadUsageError("trace", f"{path}:{number}", f"make {text!r} a number") from None


def _time(value: object, path: Path, number: int) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        time = float(value)
    else:
        text = str(value)
        try:
            time = float(text)
        except ValueError:
            try:
                time = datetime.fromisoformat(text).timestamp()
            except ValueError:
                raise LoadUsageError(
                    "trace", f"{path}:{number}", f"make {text!r} seconds or an ISO 8601 time"
                ) from None
    if not math.isfinite(time):
        raise LoadUsageError("trace", f"{path}:{number}", "give a finite time")
    return time
