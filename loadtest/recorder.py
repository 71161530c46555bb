"""Counts requests inside a generator process, and notices when the process itself is too slow.

A request belongs to the time at which it was due, not to the time at which it ended: a target that stalls must not
push its slowest requests out of the measurement.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import gevent

from loadtest.books import Book

# How often the process asks itself whether it still comes to its turn in time.
LAG_EVERY_S = 0.02


@dataclass(frozen=True)
class Window:
    """A stretch of time that is measured, and the number of the book that it is counted in."""

    start: float
    end: float
    book: int


class Recorder:
    """The books of one process. Times are `time.perf_counter()`."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._windows: list[Window] = []
        self._open: dict[int, tuple[float, int | None]] = {}
        self._serial = 0
        self._tick = Book()
        self._books: dict[int, Book] = {}
        self._lag = Book()
        self._cpu = time.process_time()

    def measure(self, start: float, seconds: float, book: int) -> None:
        """Count what is due from `start` on for `seconds` in a book."""
        # Late answers and late arrivals still belong to the windows before.
        self._windows = [*self._windows[-3:], Window(start, start + seconds, book)]

    def due(self, at: float) -> None:
        """Count an arrival that was scheduled for a time, whether or not it can be sent."""
        self._tick.offered += 1
        book = self._at(at)
        if book is not None:
            self._book(book).offered += 1

    def drop(self, at: float) -> None:
        """Count an arrival that is not sent."""
        self._tick.dropped += 1
        book = self._at(at)
        if book is not None:
            self._book(book).dropped += 1

    def begin(self, at: float) -> int:
        """Note that a request which was due at a time is being sent; returns its ticket."""
        self._serial += 1
        self._open[self._serial] = (at, self._at(at))
        self.in_flight += 1
        return self._serial

    def end(self, ticket: int, fault: tuple[str, str] | None, ms: float | None = None) -> None:
        """Count a request that has ended.

        Parameters
        ----------
        fault
            Cause and message of its failure; None for a good answer.
        ms
            Its latency where that is not the time from when it was due until now.
        """
        entry = self._open.pop(ticket, None)
        if entry is None:
            return
        self.in_flight -= 1
        now, (at, book) = time.perf_counter(), entry
        took = (now - at) * 1000 if ms is None else ms
        self._tick.record(took, fault)
        ended_in = self._at(now)
        if ended_in is not None:
            self._book(ended_in).answered += 1
        if book is not None:
            self._book(book).record(took, fault)

    def give_up(self, message: str) -> None:
        """Count what is still unanswered as failed."""
        for ticket in list(self._open):
            self.end(ticket, ("timeout", message))

    def late(self, seconds: float) -> None:
        """Note how much later than intended this process did something."""
        self._lag.record(seconds * 1000, None)

    def watch_itself(self) -> None:
        """Measure forever how late this process comes to its turn."""
        while True:
            before = time.perf_counter()
            gevent.sleep(LAG_EVERY_S)
            self.late(max(0.0, time.perf_counter() - before - LAG_EVERY_S))

    def take(self) -> dict[str, Any]:
        """Return everything counted since the last call."""
        cpu = time.process_time()
        taken = {
            "in_flight": self.in_flight,
            "tick": self._tick.wire(),
            "books": [[number, book.wire()] for number, book in self._books.items()],
            "lag": self._lag.wire(),
            "cpu_s": cpu - self._cpu,
        }
        self._tick, self._books, self._lag, self._cpu = Book(), {}, Book(), cpu
        return taken

    def _at(self, time_s: float) -> int | None:
        for window in reversed(self._windows):
            if window.start <= time_s < window.end:
                return window.book
        return None

    def _book(self, number: int) -> Book:
        return self._books.setdefault(number, Book())
