"""Makes the users of one generator process work: in a circle, or at times that were set beforehand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import gevent
from gevent.pool import Pool

from loadtest import arrivals
from loadtest.plan import Plan
from loadtest.recorder import Recorder
from loadtest.trace import replayed

# A refused connection costs the sender nothing: without a pause an outage would turn the users into a flood.
PAUSE_AFTER_FAILURE_S = 0.05
# How soon an idle user notices that there is work, and an idle process that arrivals are due.
IDLE_S = 0.01
# Timers of the event loop are up to this late; the rest of a wait is spent asking for the time.
TIMER_LATE_S = 0.001

Fault = tuple[str, str]


@dataclass(frozen=True)
class Result:
    """How one request ended.

    Attributes
    ----------
    fault
        Cause and message; None when the answer was as it should be.
    seconds
        The request's own duration where its sender knows better than the clock around it; None otherwise.
    """

    fault: Fault | None = None
    seconds: float | None = None


class Sender(Protocol):
    """Something that can send one request and wait for its end."""

    def send(self) -> Result:
        """Send one request."""


@dataclass
class Orders:
    """What this process has to do until it is told otherwise."""

    users: int = 0
    due: Iterator[float] = field(default_factory=lambda: iter(()))
    start: float = 0.0


class Crew:
    """All users of one process, their orders and their recorder. `digest` tells apart what crews send."""

    def __init__(
        self, plan: Plan, recorder: Recorder, digest: str = "", clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.digest = digest
        self.plan = plan
        self.recorder = recorder
        self._clock = clock
        self._orders = Orders()
        self._hired = 0
        self._pool: Pool | None = None

    def hire(self) -> int:
        """Number a new user of this process, from 0."""
        self._hired += 1
        return self._hired - 1

    def begin(self, order: dict[str, Any], index: int, of: int) -> None:
        """Follow the orders for a level: this process is number `index` of `of`.

        The keys are `amount`, `seconds` and `settle_s` of the level, the number of its `book`, the
        `seed` of its arrivals, and `trace`, which is true when recorded traffic is to be replayed.
        """
        now = self._clock()
        self.recorder.measure(now + order["settle_s"], order["seconds"], order["book"])
        if self.plan.arrivals == "closed":
            self._orders = Orders(users=portion(int(order["amount"]), index, of))
            return
        if self._pool is None:
            self._pool = Pool(-(-self.plan.max_in_flight // of))
        self._orders = Orders(due=arrivals.share(self._due(order), index, of), start=now)

    def pause(self) -> None:
        """Send nothing more."""
        self._orders = Orders()

    def work(self, sender: Sender, number: int) -> None:
        """Let a user do what is to be done now; it is called again and again."""
        if self.plan.arrivals != "closed":
            self._dispatch(sender)
        elif number < self._orders.users:
            now = self._clock()
            if self._send(sender, now, self.recorder.begin(now)):
                gevent.sleep(PAUSE_AFTER_FAILURE_S)
        else:
            gevent.sleep(IDLE_S)

    def _due(self, order: dict[str, Any]) -> Iterator[float]:
        seed = (self.plan.seed, *order["seed"])
        if order["trace"] and self.plan.trace is not None:
            return arrivals.recorded(replayed(self.plan.trace, self.plan.scale), seed)
        process: arrivals.Process = "constant" if self.plan.arrivals == "constant" else "poisson"
        return arrivals.draw(process, order["amount"], order["settle_s"] + order["seconds"], seed)

    def _dispatch(self, sender: Sender) -> None:
        orders, recorder, pool = self._orders, self.recorder, self._pool
        now = self._clock()
        for offset in orders.due:
            at = orders.start + offset
            if at > now:
                # All that was due at `now` is on its way: the others have their turn, even if more is due meanwhile.
                now = self._wait(at)
                if self._orders is not orders:
                    return
            recorder.late(max(0.0, self._clock() - at))
            recorder.due(at)
            if pool is None or pool.full():
                recorder.drop(at)
            else:
                pool.spawn(self._send, sender, at, recorder.begin(at))
        while self._orders is orders:
            gevent.sleep(IDLE_S)

    def _wait(self, until: float) -> float:
        """Let others work until a time, for a moment at least; returns the time it is then."""
        gevent.sleep(max(0.0, until - self._clock() - TIMER_LATE_S))
        while (now := self._clock()) < until:
            gevent.sleep(0)
        return now

    def _send(self, sender: Sender, at: float, ticket: int) -> bool:
        """Send one request, and say whether it failed."""
        sent = self._clock()
        result = sender.send()
        own = None if result.seconds is None else (sent - at + result.seconds) * 1000
        self.recorder.end(ticket, result.fault, own)
        return result.fault is not None


def portion(amount: int, index: int, of: int) -> int:
    """Return how many of `amount` users belong to process `index` of `of`."""
    return amount // of + (index < amount % of)
