"""Traffic as a stream: any rate, many plans at once, in time that does not depend on the number of requests.

Each second, what arrives is served up to the capacity, waits up to the room in the queues, and is refused beyond. The
scatter of single requests is added from the steady state that the moment's utilisation leads to (`response`). Against
single requests the scaling activities and instance hours come out the same and p50 within a tenth. p95 is
within a tenth too unless instances are near saturation for minutes: there it was between 0.7 and 1.5 times theirs,
too dark more often than too bright. What a stream does not see at all: refusals by chance of very short queues.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from loadtest.simulation.exact import Progress
from loadtest.simulation.fleet import TICK_S, Fleet, Plan, World
from loadtest.simulation.outcome import Moment, Outcome
from loadtest.simulation.response import TIMES, Responses, mean, quantile
from loadtest.simulation.service import Floats
from loadtest.simulation.trace import Trace

STEP_S = 1.0
_STEPS = round(TICK_S / STEP_S)
LEAST_SHARE = 1e-9


class _State:
    """Backlogs and tallies, one entry per plan."""

    def __init__(self, plans: int, world: World, responses: Responses) -> None:
        self.world, self.responses = world, responses
        self.backlog = np.zeros(plans)
        self.refused = np.zeros(plans)
        self.weights = np.zeros((plans, *responses.shape))
        self.wait = np.zeros(plans)
        self.longest = np.zeros(plans)
        self._plan = np.arange(plans)

    def tick(self, rates: Floats, instances: Floats) -> tuple[Floats, Floats]:
        """Let one tick pass; return the requests of each plan that were refused, and the mean number inside."""
        instance = self.world.instance
        capacity, room = instances * instance.rate, instances * instance.queue
        refused, inside = np.zeros(len(instances)), np.zeros(len(instances))
        self.longest[:] = 0.0
        if not self.backlog.any() and rates.max() <= capacity.min() and rates.max() == rates.min():
            return self._calm(rates, instances, capacity)
        for rate in rates.tolist():
            present = self.backlog + rate * STEP_S
            served = np.minimum(present, capacity * STEP_S)
            left = present - served
            kept = np.minimum(left, room)
            refused += left - kept
            delay = (self.backlog + kept) / 2 / capacity
            inside += served / STEP_S * instance.times.mean + (self.backlog + kept) / 2
            self.backlog = kept
            self.longest = np.maximum(self.longest, delay)
            self._count(instances, np.where(delay > 0, 1.0, rate / capacity), delay, served, STEP_S)
        self.refused += refused
        return refused, inside / len(rates)

    def _calm(self, rates: Floats, instances: Floats, capacity: Floats) -> tuple[Floats, Floats]:
        """Let a tick pass in which nothing waits and nothing changes, in one step."""
        served = np.full(len(instances), rates.sum() * STEP_S)
        self._count(instances, rates[0] / capacity, self.longest, served, TICK_S)
        return np.zeros(len(instances)), np.full(len(instances), rates[0] * self.world.instance.times.mean)

    def _count(self, instances: Floats, busy: Floats, delay: Floats, served: Floats, seconds: float) -> None:
        count = instances.astype(int)
        self.wait = self.responses.settle(count, busy, self.wait, seconds)
        row = self.responses.row(count, self.wait, delay)
        self.weights[self._plan, row, self.responses.delay(delay)] += served


def run(
    trace: Trace, plans: Sequence[Plan], world: World, *, moments: bool = False, progress: Progress | None = None
) -> list[Outcome]:
    """Simulate a trace under each plan.

    Parameters
    ----------
    moments
        Keep what happened every ten seconds: dear in memory for many plans.
    """
    responses = Responses(world)
    fleets = [Fleet(plan, world) for plan in plans]
    counts = np.array([fleet.tick(0.0, 0.0, 0.0, 0.0) for fleet in fleets], float)
    most, state = counts.copy(), _State(len(plans), world, responses)
    history: list[list[Moment]] = [[] for _ in plans]
    ticks = max(1, math.ceil(round(trace.seconds / TICK_S, 9)))
    rates = trace.at(0.0, ticks * _STEPS, STEP_S)
    for tick in range(ticks):
        part = rates[tick * _STEPS : (tick + 1) * _STEPS]
        refused, inside = state.tick(part, counts)
        arrived = float(part.sum() * STEP_S)
        if moments:
            p95 = _p95(state, counts)
            for index, fleet in enumerate(fleets):
                history[index].append(
                    Moment(
                        tick * TICK_S,
                        arrived / TICK_S,
                        int(counts[index]),
                        fleet.paid,
                        p95[index],
                        float(refused[index]),
                    )
                )
        now = (tick + 1) * TICK_S
        each = zip(fleets, counts.tolist(), inside.tolist(), strict=True)
        counts = np.array([fleet.tick(now, TICK_S, arrived / n, within / n) for fleet, n, within in each], float)
        most = np.maximum(most, counts)
        if progress and tick % 64 == 0:
            progress(tick / ticks)
    total = float(rates.sum() * STEP_S)
    return [
        _outcome(state, index, total, fleet, most=int(most[index]), history=history[index])
        for index, fleet in enumerate(fleets)
    ]


def _p95(state: _State, counts: Floats) -> list[float | None]:
    rows = state.responses.row(counts.astype(int), state.wait, state.longest)
    alone = [quantile(state.responses.share(int(row)), 0.95) for row in rows]
    return [
        None if time is None else (time + delay) * 1000
        for time, delay in zip(alone, state.longest.tolist(), strict=True)
    ]


def _outcome(state: _State, index: int, total: float, fleet: Fleet, *, most: int, history: list[Moment]) -> Outcome:
    # What still waits at the end is served after it, by the capacity that there is.
    rest = float(state.backlog[index])
    refused = float(state.refused[index])
    weights = state.weights[index]
    if rest > 0:
        weights = weights.copy()
        count = np.array([float(fleet.in_service)])
        delay = np.array([rest / (fleet.in_service * state.world.instance.rate) / 2])
        row = state.responses.row(count.astype(int), state.wait[index : index + 1], delay)
        weights[row[0], state.responses.delay(delay)[0]] += rest
    share = state.responses.mixture(weights)
    in_time = float(np.interp(state.world.instance.timeout_s, TIMES, share)) if share[-1] else 0.0
    if in_time < LEAST_SHARE:  # so few that they vanish in the sum with the late ones
        in_time = 0.0
    served = total - refused
    late = max(0.0, served * (1 - in_time / share[-1])) if in_time else served
    figures = [quantile(share / in_time, wanted) if in_time else None for wanted in (0.5, 0.95, 0.99)]
    p50, p95, p99 = (None if value is None else value * 1000 for value in figures)
    return Outcome(
        engine="fluid",
        arrived=total,
        answered=served - late,
        refused=refused,
        late=late,
        mean_ms=mean(share / in_time) * 1000 if in_time else None,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        instance_hours=fleet.paid_s / 3600,
        most_in_service=most,
        activities=fleet.activities,
        moments=history,
    )
