"""Counters of all workers in memory that they share, and their sum in Prometheus' text format.

Every worker writes a row of its own, so that nobody waits for a lock; whoever is asked adds the rows up. A worker that
takes the place of another goes on with its row: counters never go backwards.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUSES = (200, 400, 405, 406, 408, 413, 415, 431, 500, 503, 504)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_UNIT = 1e9  # cells hold whole numbers: sums of seconds are kept in nanoseconds
_COUNTERS = {
    "starts": ("slipway_worker_starts_total", "counter", "Starts of worker processes."),
    "ready": ("slipway_workers_ready", "gauge", "Worker processes that take requests."),
    "connections": ("slipway_connections", "gauge", "Open connections."),
    "queue": ("slipway_queue_images", "gauge", "Images that wait for the model or are in it."),
    "held": ("slipway_held_bytes", "gauge", "Bytes of request bodies in memory."),
}
_HISTOGRAMS: dict[str, tuple[str, str, tuple[float, ...], float]] = {
    "request": ("slipway_request_seconds", "From a request's head to its answer.", SECONDS, _UNIT),
    "decode": ("slipway_decode_seconds", "Decoding and reducing one image.", SECONDS, _UNIT),
    "model": ("slipway_model_seconds", "One run of the model on a batch.", SECONDS, _UNIT),
    "batch": ("slipway_batch_images", "Images per run of the model.", IMAGES, 1),
}


def _places() -> tuple[dict[str, int], int]:
    """Where each figure begins in a row, and the length of a row."""
    places, at = {}, 0
    for name in _COUNTERS:
        places[name] = at
        at += 1
    for status in STATUSES:
        places[str(status)] = at
        at += 1
    for name, (_, _, bounds, _) in _HISTOGRAMS.items():
        places[name] = at
        at += len(bounds) + 2  # one bucket beyond the last bound, and the sum
    return places, at


_PLACES, _LENGTH = _places()


class Histogram:
    """One histogram of one worker; only one thread may write it."""

    __slots__ = ("_at", "_bounds", "_row", "_sum", "_unit")

    def __init__(self, row: memoryview, name: str) -> None:
        _, _, self._bounds, self._unit = _HISTOGRAMS[name]
        self._row = row
        self._at = _PLACES[name]
        self._sum = self._at + len(self._bounds) + 1

    def add(self, value: float) -> None:
        """Count one observation."""
        row = self._row
        row[self._at + bisect_left(self._bounds, value)] += 1
        row[self._sum] += int(value * self._unit)


class Row:
    """The figures of one worker."""

    def __init__(self, row: memoryview) -> None:
        self._row = row
        self.request, self.decode, self.model, self.batch = (Histogram(row, name) for name in _HISTOGRAMS)

    def answered(self, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._row[_PLACES[str(status)]] += 1
        self.request.add(seconds)

    def add(self, name: str, change: int) -> None:
        """Change a counter or gauge."""
        self._row[_PLACES[name]] += change

    def get(self, name: str) -> int:
        """Read a counter or gauge."""
        return self._row[_PLACES[name]]

    def clear(self) -> None:
        """Forget what the process of this row held; what it counted stays."""
        for name in ("ready", "connections", "queue", "held"):
            self._row[_PLACES[name]] = 0


class Board:
    """The rows of all workers, in memory that child processes share."""

    def __init__(self, workers: int) -> None:
        self._cells = memoryview(mmap.mmap(-1, 8 * _LENGTH * workers)).cast("q")
        self._views = [self._cells[k * _LENGTH : (k + 1) * _LENGTH] for k in range(workers)]
        self.rows = [Row(view) for view in self._views]

    def has_fewer_connections(self, number: int) -> bool:
        """Whether a worker that takes requests has fewer clients than this one."""
        mine = self.rows[number].get("connections")
        return any(row.get("connections") < mine and row.get("ready") for row in self.rows)

    def text(self) -> bytes:
        """All figures, summed over the workers."""
        sums = [sum(cells) for cells in zip(*self._views, strict=True)]
        return ("\n".join(_lines(sums)) + "\n").encode()


def _lines(sums: list[int]) -> Iterator[str]:
    for name, (title, kind, meaning) in _COUNTERS.items():
        yield from (f"# HELP {title} {meaning}", f"# TYPE {title} {kind}", f"{title} {sums[_PLACES[name]]}")
    yield from (
        "# HELP slipway_requests_total Answers, but for those of /ping, /metrics and unknown paths.",
        "# TYPE slipway_requests_total counter",
    )
    for status in STATUSES:
        yield f'slipway_requests_total{{code="{status}"}} {sums[_PLACES[str(status)]]}'
    for name, (title, meaning, bounds, unit) in _HISTOGRAMS.items():
        yield from (f"# HELP {title} {meaning}", f"# TYPE {title} histogram")
        at, total = _PLACES[name], 0
        for position, bound in enumerate([*map(str, bounds), "+Inf"]):
            total += sums[at + position]
            yield f'{title}_bucket{{le="{bound}"}} {total}'
        yield f"{title}_sum {sums[at + len(bounds) + 1] / unit}"
        yield f"{title}_count {total}"
