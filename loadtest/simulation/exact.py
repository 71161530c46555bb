"""Every request by itself: where it goes, how long it waits, whether it is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush, heapreplace

import numpy as np

from loadtest.simulation.fleet import TICK_S, Fleet, Plan, World
from loadtest.simulation.outcome import Moment, Outcome
from loadtest.simulation.service import Floats
from loadtest.simulation.trace import Trace

Progress = Callable[[float], None]


class _Instance:
    """Workers by the time they are free, and the requests inside by the time they leave."""

    __slots__ = ("free", "inside")

    def __init__(self, workers: int) -> None:
        self.free = [0.0] * workers
        self.inside: list[float] = []

    def count(self, now: float) -> int:
        inside = self.inside
        while inside and inside[0] <= now:
            heappop(inside)
        return len(inside)

    def take(self, now: float, service: float) -> float:
        """Accept a request and return when its answer leaves."""
        leaves = max(now, self.free[0]) + service
        heapreplace(self.free, leaves)
        heappush(self.inside, leaves)
        return leaves


class _Run:
    """The instances and the tallies of one run."""

    def __init__(self, world: World, count: int) -> None:
        self.world = world
        self.room = world.instance.workers + world.instance.queue
        self.instances = [_Instance(world.instance.workers) for _ in range(count)]
        self.spill: list[float] = []

    def resize(self, count: int) -> None:
        """Bring new instances, or stop sending to the last ones; what those hold has its time of leaving already."""
        del self.instances[count:]
        while len(self.instances) < count:
            self.instances.append(_Instance(self.world.instance.workers))

    def inside(self, begin: float, end: float) -> float:
        """Return request-seconds within (begin, end) of requests that came before it."""
        area = sum(min(leaves, end) - begin for leaves in self.spill)
        self.spill = [leaves for leaves in self.spill if leaves > end]
        return area

    def choose(self, now: float, draw: float) -> _Instance:
        """Return the instance that a request goes to."""
        if self.world.routing == "random":
            return self.instances[int(draw * len(self.instances))]
        return min(self.instances, key=lambda instance: instance.count(now))

    def serve(self, times: Floats, services: Floats, draws: Floats, end: float, answers: Floats) -> float:
        """Let requests arrive; write response times into `answers` (infinite: refused) and return request-seconds."""
        area = 0.0
        for index, (now, service, draw) in enumerate(
            zip(times.tolist(), services.tolist(), draws.tolist(), strict=True)
        ):
            instance = self.choose(now, draw)
            if instance.count(now) >= self.room:
                answers[index] = math.inf
                continue
            leaves = instance.take(now, service)
            answers[index] = leaves - now
            if leaves > end:
                self.spill.append(leaves)
            area += min(leaves, end) - now
        return area


def run(
    trace: Trace, plan: Plan, world: World, seed: int = 0, *, moments: bool = True, progress: Progress | None = None
) -> Outcome:
    """Simulate each request of a trace; the same seed gives the same requests whatever the plan."""
    rng = np.random.default_rng(seed)
    arrivals = trace.drawn(rng)
    services = world.instance.times.sample(rng, len(arrivals))
    draws = rng.random(len(arrivals))
    answers = np.zeros(len(arrivals))
    fleet = Fleet(plan, world)
    fleet.tick(0.0, 0.0, 0.0, 0.0)
    state, most = _Run(world, fleet.in_service), fleet.in_service
    history: list[Moment] = []
    ticks = max(1, math.ceil(round(trace.seconds / TICK_S, 9)))
    edges = np.searchsorted(arrivals, np.arange(ticks + 1) * TICK_S)
    edges[-1] = len(arrivals)
    for tick in range(ticks):
        begin, end, part = tick * TICK_S, (tick + 1) * TICK_S, slice(edges[tick], edges[tick + 1])
        count = len(state.instances)
        area = state.inside(begin, end)
        area += state.serve(arrivals[part], services[part], draws[part], end, answers[part])
        if moments:
            history.append(_moment(begin, answers[part], count, fleet.paid))
        amount = edges[tick + 1] - edges[tick]
        state.resize(fleet.tick(end, TICK_S, amount / count, area / TICK_S / count))
        most = max(most, fleet.in_service)
        if progress and tick % 64 == 0:
            progress(tick / ticks)
    return _outcome(answers, fleet, world, most, history)


def _moment(begin: float, answers: Floats, count: int, paid: int) -> Moment:
    answered = answers[np.isfinite(answers)]
    p95 = float(np.quantile(answered, 0.95, method="inverted_cdf") * 1000) if len(answered) else None
    return Moment(begin, len(answers) / TICK_S, count, paid, p95, len(answers) - len(answered))


def _outcome(answers: Floats, fleet: Fleet, world: World, most: int, history: list[Moment]) -> Outcome:
    refused = int(np.isinf(answers).sum())
    answered = answers[answers <= world.instance.timeout_s]
    figures: list[float | None] = [None, None, None]
    if len(answered):
        figures = [float(value) * 1000 for value in np.quantile(answered, [0.5, 0.95, 0.99], method="inverted_cdf")]
    return Outcome(
        engine="exact",
        arrived=len(answers),
        answered=len(answered),
        refused=refused,
        late=len(answers) - refused - len(answered),
        mean_ms=float(answered.mean()) * 1000 if len(answered) else None,
        p50_ms=figures[0],
        p95_ms=figures[1],
        p99_ms=figures[2],
        instance_hours=fleet.paid_s / 3600,
        most_in_service=most,
        activities=fleet.activities,
        moments=history,
    )
