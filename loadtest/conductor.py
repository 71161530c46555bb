"""Conducts a run: warm-up, one level after the other, a sample a second, the end. Runs inside Locust.

It reports on standard output, one JSON object a line with a `kind`: `level` and `sample` while it goes on, then
`result`, or `error` when the generator itself is not fit to measure.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent

from loadtest import shapes, slo
from loadtest.books import Book
from loadtest.capacity.steps import Step
from loadtest.histogram import percentile
from loadtest.plan import Plan
from loadtest.shapes import Level

SAMPLE_EVERY_S = 1.0
# A shorter rest at the end of a level would show a throughput made of a handful of requests.
SHORTEST_SAMPLE_S = 0.25
# Long runs are sampled less often, so that their record stays readable.
MOST_SAMPLES = 7200
DRAIN_LOOK_S = 0.1
# The number of the book of the warm-up, which is in no figure.
WARM_UP = -1

if TYPE_CHECKING:  # Locust replaces the standard library's sockets as soon as it is imported
    from loadtest.fleet import Counted, Fleet

SHOWN_OF_WARM_UP = frozenset({"requests", "failures", "errors"})
Report = Callable[[str, dict[str, Any]], None]


def say(kind: str, facts: dict[str, Any]) -> None:
    """Report to whoever started Locust."""
    sys.stdout.write(json.dumps({"kind": kind, **facts}) + "\n")
    sys.stdout.flush()


class Conductor:
    """The state of one run."""

    def __init__(self, plan: Plan, fleet: Fleet, report: Report = say) -> None:
        self._plan = plan
        self._fleet = fleet
        self._report = report
        self._every_s = max(SAMPLE_EVERY_S, round(plan.shape.longest_s / MOST_SAMPLES))
        self._start = 0.0
        self._last = 0.0
        self._samples = 0
        self._orders = 0
        self._level = ""
        self._amount = 0.0
        self._books: list[Book] = []
        self._warmup = Book()
        self._steps: list[dict[str, Any]] = []
        self._lag = Book()
        self._cpu: list[float] = []

    def run(self) -> None:
        """Conduct the whole run, and report its result."""
        plan = self._plan
        self._fleet.muster(plan.processes)
        if plan.warmup_s:
            first = plan.shape.levels[0]
            self._report("level", {"name": "warm-up", self._unit: first.amount, "seconds": plan.warmup_s})
            self._order(Level("warm-up", first.amount, plan.warmup_s), WARM_UP)
            gevent.sleep(plan.warmup_s)
        self._absorb(self._fleet.take())
        self._report("warm", {})
        self._start = self._last = time.perf_counter()
        stopped = self._stairs() if plan.shape.stairs else self._through(plan.shape.levels)
        self._drain(plan.drain_s)
        self._fleet.give_up(f"unanswered {plan.drain_s:.0f} s after the end of the test")
        self._absorb(self._fleet.take())
        self._report("result", self._result(stopped))

    def _through(self, levels: tuple[Level, ...]) -> str:
        for level in levels:
            self._measure(level)
        return "finished"

    def _stairs(self) -> str:
        plan, rules = self._plan, self._plan.shape.stairs
        assert rules is not None  # noqa: S101 - asked for by the caller
        for level in plan.shape.levels:
            self._measure(level, rules.min_requests)
            stopped = shapes.reached(self._done(), rules)
            if slo.tired(self._shown()[-1], plan.max_lag_ms) and (stopped or not self._closed):
                return "generator"
            if stopped:
                self._refine(level, rules)
                return stopped
        return "finished"

    def _refine(self, level: Level, rules: shapes.Stairs) -> None:
        """Measure closely between the last good level and the first bad one."""
        amounts = [step[self._unit] for step in self._steps]
        for number, amount in enumerate(shapes.between(amounts, rules.refine, whole=self._closed), start=1):
            # What an overloaded target still has in its queue would be blamed on the next level.
            if not self._drain(self._plan.drain_s):
                return
            self._measure(Level(f"close look {number}", amount, level.seconds, level.settle_s), rules.min_requests)

    def _measure(self, level: Level, min_requests: int = 0) -> None:
        """Hold one level, and write down its step."""
        number = len(self._books)
        self._books.append(Book())
        self._level, self._amount = level.name, level.amount
        self._lag, self._cpu = Book(), []
        self._report("level", {"name": level.name, self._unit: level.amount, "seconds": level.seconds})
        self._order(level, number)
        self._sleep(level.settle_s)
        first, begun = self._samples, time.perf_counter()
        self._sleep(level.seconds)
        seconds = level.seconds
        while self._books[number].answered < min_requests and seconds < shapes.LONGEST_STEP * level.seconds:
            self._order(Level(level.name, level.amount, level.seconds), number)
            self._sleep(level.seconds)
            seconds += level.seconds
        self._steps.append(
            {
                "name": level.name,
                self._unit: int(level.amount) if self._closed else level.amount,
                "start_s": round(begun - self._start, 3),
                "seconds": seconds,
                "samples": [first, self._samples],
                "lag_p50_ms": percentile(self._lag.histogram, 0.5),
                "lag_p99_ms": percentile(self._lag.histogram, 0.99),
                "cpu_share": round(sum(self._cpu) / len(self._cpu), 3) if self._cpu else None,
            }
        )

    def _order(self, level: Level, book: int) -> None:
        self._orders += 1
        replay = self._plan.arrivals == "recorded" and book != WARM_UP
        order = {"amount": level.amount, "seconds": level.seconds, "settle_s": level.settle_s, "book": book}
        self._fleet.begin({**order, "seed": [self._orders], "trace": replay})

    def _sleep(self, seconds: float) -> None:
        """Wait, and sample while waiting."""
        begin, number = time.perf_counter(), 0
        end = begin + seconds
        while time.perf_counter() < end:
            number += 1
            gevent.sleep(max(0.0, min(end, begin + number * self._every_s) - time.perf_counter()))
            if time.perf_counter() - self._last >= SHORTEST_SAMPLE_S:
                self._sample()

    def _sample(self) -> None:
        counted, now = self._fleet.take(), time.perf_counter()
        seconds = now - self._last
        self._last = now
        self._absorb(counted)
        self._cpu.append(max(counted.cpu_s, default=0.0) / seconds)
        tick = counted.tick
        sample = {
            "t": round(now - self._start, 3),
            "level": self._level,
            "users": int(self._amount) if self._closed else counted.in_flight,
            "rps": round(tick.requests / seconds, 2),
            "failures": tick.failures,
            "p50_ms": percentile(tick.histogram, 0.5),
            "p95_ms": percentile(tick.histogram, 0.95),
            "p99_ms": percentile(tick.histogram, 0.99),
            "lag_ms": percentile(counted.lag.histogram, 0.99),
        }
        if not self._closed:
            sample |= {"offered_rps": round(tick.offered / seconds, 2), "dropped": tick.dropped}
        self._samples += 1
        self._report("sample", sample)

    def _drain(self, patience_s: float) -> bool:
        """Send nothing more, and wait for the answers that are due; return whether all of them came."""
        self._fleet.pause()
        end = time.monotonic() + patience_s
        while True:
            counted = self._fleet.take()
            self._absorb(counted)
            if not counted.in_flight or time.monotonic() > end:
                break
            gevent.sleep(DRAIN_LOOK_S)
        self._last = time.perf_counter()
        return not counted.in_flight

    def _absorb(self, counted: Counted) -> None:
        for number, book in counted.books.items():
            (self._warmup if number == WARM_UP else self._books[number]).add(book.wire())
        self._lag.add(counted.lag.wire())

    def _done(self) -> list[Step]:
        return [_step(step, book, self._closed) for step, book in zip(self._steps, self._books, strict=True)]

    def _result(self, stopped: str) -> dict[str, Any]:
        total = Book()
        for book in self._books:
            total.add(book.wire())
        steps = self._shown()
        seconds = sum(step["seconds"] for step in self._steps)
        rules = self._plan.shape.stairs
        return {
            "stopped": stopped,
            # Stairs are meant to end where the objective breaks: their best step speaks for them.
            "judged_step": self._done().index(shapes.best(self._done(), rules)) if rules else None,
            **self._figures(total, seconds),
            "warmup": {name: value for name, value in self._warmup.figures(0).items() if name in SHOWN_OF_WARM_UP},
            **{name: max(step[name] or 0.0 for step in steps) for name in ("lag_p50_ms", "lag_p99_ms", "cpu_share")},
            "steps": steps,
        }

    def _shown(self) -> list[dict[str, Any]]:
        """The steps with their figures, as `load.json` holds them."""
        return [
            {**step, **self._figures(book, step["seconds"])}
            for step, book in zip(self._steps, self._books, strict=True)
        ]

    def _figures(self, book: Book, seconds: float) -> dict[str, Any]:
        figures = book.figures(seconds)
        if not self._closed:
            figures["offered_rps"] = round(book.offered / seconds, 3)
        return figures

    @property
    def _closed(self) -> bool:
        return self._plan.arrivals == "closed"

    @property
    def _unit(self) -> str:
        return "users" if self._closed else "rate"


def _step(step: dict[str, Any], book: Book, closed: bool) -> Step:
    figures = book.figures(step["seconds"])
    return Step(
        offered=None if closed else book.offered / step["seconds"],
        users=step["users"] if closed else None,
        rps=figures["rps"],
        requests=book.requests + book.dropped,
        failures=book.failures + book.dropped,
        p50_ms=figures["p50_ms"],
        p95_ms=figures["p95_ms"],
        p99_ms=figures["p99_ms"],
        mean_ms=figures["mean_ms"],
        duration_s=step["seconds"],
    )
