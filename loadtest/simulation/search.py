"""Which minimum, maximum, target and cooldowns keep an objective for the least money."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from loadtest.simulation import exact, fluid
from loadtest.simulation.exact import Progress
from loadtest.simulation.fleet import Plan, World
from loadtest.simulation.outcome import Outcome
from loadtest.simulation.scaling import CONCURRENCY, INVOCATIONS, Scheduled, TargetTracking
from loadtest.simulation.trace import Trace

SAFETIES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
COOLDOWNS = ((300.0, 60.0), (300.0, 120.0), (300.0, 300.0), (900.0, 120.0))
"""In and out. One of 60 s can overshoot: the minute in which instances come still counts the few that were there."""
FLOORS = (0.0, 0.5, 0.75, 1.0)
"""Which of the trace's rates the minimum serves by itself; the last needs no scaling, for traffic that outruns it."""
# A gain below one percent of p95 is no choice to make.
WORTH = 0.99
# Verifying request by request takes seconds per million.
VERIFY_UP_TO = 1_500_000


@dataclass(frozen=True)
class Objective:
    """What must hold: p95 in ms, and the share of requests that may be refused or come too late."""

    p95_ms: float
    dropped: float = 0.001


@dataclass(frozen=True)
class Choice:
    """A plan and what it does."""

    plan: Plan
    outcome: Outcome


def candidates(trace: Trace, world: World, fewest: int = 1, schedule: tuple[Scheduled, ...] = ()) -> list[Plan]:
    """Return plans worth trying for a trace: targets by part of the knee, minima by the trace's own percentiles.

    The maximum never costs anything unless it is reached, so it is set where it does not bind, and then to what was
    used (`tightened`).
    """
    rate = world.instance.rate
    levels = sorted(float(value) for value in trace.rates)
    floors = [levels[int(share * (len(levels) - 1))] for share in FLOORS]
    plans = []
    for safety, (inwards, outwards) in itertools.product(SAFETIES, COOLDOWNS):
        most = max(fewest, 2 * math.ceil(trace.peak / (rate * safety)))
        begin = math.ceil(float(trace.rates[0]) / (rate * safety))
        watched = (
            TargetTracking(INVOCATIONS, _figures(rate * safety * 60), inwards, outwards),
            # Requests inside an instance: those being served at that utilisation.
            TargetTracking(CONCURRENCY, _figures(world.instance.workers * safety), inwards, outwards),
        )
        for least in sorted({fewest, *(max(fewest, math.ceil(floor / (rate * safety))) for floor in floors)}):
            plans += [Plan(least, max(most, least), (policy,), schedule, begin) for policy in watched]
    return plans


def tightened(choice: Choice) -> Plan:
    """Return the plan with its maximum a fifth above what was used."""
    return replace(choice.plan, most=max(choice.plan.least, math.ceil(choice.outcome.most_in_service * 1.2)))


def tried(trace: Trace, plans: Sequence[Plan], world: World, progress: Progress | None = None) -> list[Choice]:
    """Simulate all plans as streams."""
    outcomes = fluid.run(trace, plans, world, progress=progress)
    return [Choice(plan, outcome) for plan, outcome in zip(plans, outcomes, strict=True)]


def frontier(choices: Iterable[Choice], dropped: float = 0.001) -> list[Choice]:
    """Return the choices that nothing else beats in both cost and p95, cheapest first, a percent of p95 apart.

    Choices that drop more than allowed are left out: refusing everybody is fast and cheap.
    """
    usable = [c for c in choices if c.outcome.p95_ms is not None and c.outcome.dropped_share <= dropped]
    best: list[Choice] = []
    for choice in sorted(usable, key=lambda c: (c.outcome.instance_hours, c.outcome.p95_ms or 0.0)):
        if not best or (choice.outcome.p95_ms or 0.0) < WORTH * (best[-1].outcome.p95_ms or 0.0):
            best.append(choice)
    return best


def cheapest(choices: Iterable[Choice], objective: Objective) -> Choice | None:
    """Return the cheapest choice that keeps the objective; of equals the one with the lower p95."""
    kept = [choice for choice in choices if choice.outcome.keeps(objective.p95_ms, objective.dropped)]
    return min(kept, key=lambda c: (c.outcome.instance_hours, c.outcome.p95_ms or 0.0), default=None)


def search(
    trace: Trace,
    world: World,
    objective: Objective,
    *,
    fewest: int = 1,
    schedule: tuple[Scheduled, ...] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Choice | None, list[Choice]]:
    """Return the plan to take and all that were tried; None when none keeps the objective.

    The cheapest plan is simulated once more, with its maximum tightened and request by request where the trace is
    small enough. When it fails that, the next one is taken.
    """
    choices = tried(trace, candidates(trace, world, fewest, schedule), world, progress)
    kept = [choice for choice in choices if choice.outcome.keeps(objective.p95_ms, objective.dropped)]
    kept.sort(key=lambda choice: (choice.outcome.instance_hours, choice.outcome.p95_ms or 0.0))
    for choice in kept[:8]:
        plan = tightened(choice)
        if trace.requests <= VERIFY_UP_TO:
            outcome = exact.run(trace, plan, world, seed)
        else:
            outcome = fluid.run(trace, [plan], world, moments=True)[0]
        if outcome.keeps(objective.p95_ms, objective.dropped):
            return Choice(plan, outcome), choices
    return None, choices


def _figures(value: float) -> float:
    """Round to three figures: settings are read by people."""
    return float(f"{value:.3g}")
