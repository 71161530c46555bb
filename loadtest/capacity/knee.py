"""The knee: the most that one instance does within the objective, and how sure that is.

As SageMaker's own guide has it, the peak is where latency rises or successes fall
(https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html); throughput that no longer rises is
where Inference Recommender stops
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RecommendationJobStoppingConditions.html).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from loadtest.capacity.steps import Step
from loadtest.errors import LoadUsageError

FLAT_GAIN = 0.25
"""Throughput is flat when it grows by less than this part of what the load grew by."""
KEEPS_UP = 0.97
"""An instance keeps up with a set rate when it answers at least this part of it, chance left aside."""
CHANCE = 4.0
"""Standard deviations that a Poisson number of arrivals may lie below its mean before that means something."""
BLOCK_S = 5
"""Seconds that are resampled together: neighbouring ones share a queue, so they are not independent."""
RUNS = 400


class KneeError(ValueError):
    """Nothing can be said about the capacity: not even the least load was served within the objective."""


@dataclass(frozen=True)
class Objective:
    """What must hold for a step to count. `p95_ms` None leaves latency unjudged."""

    p95_ms: float | None = None
    failures: float = 0.0


@dataclass(frozen=True)
class Knee:
    """The capacity of one instance.

    Attributes
    ----------
    rps
        Requests per second.
    reason
        Why more is not possible: `latency`, `failures`, `flat`; or `not reached`, and then the figure is a lower bound.
    low, high
        Interval that holds 95 % of the resampled knees; None where too little was recorded to tell.
    step
        The last step that was good.
    """

    rps: float
    reason: str
    step: Step
    low: float | None = None
    high: float | None = None

    @property
    def reached(self) -> bool:
        """False when the test ended before the capacity did."""
        return self.reason != "not reached"


def find(steps: Sequence[Step], objective: Objective) -> Knee:
    """Find the knee of steps sorted by load.

    Raises
    ------
    KneeError
        The first step breaks the objective.
    """
    good: Step | None = None
    for step in steps:
        broken = _broken(step, objective)
        if good is not None and broken is None and _flat(good, step):
            return Knee(max(good.goodput, step.goodput), "flat", step)
        if broken is not None:
            if good is None:
                raise KneeError(_nothing(step, broken, objective))
            return Knee(_between(good, step, broken, objective), broken, good)
        good = step
    if good is None:
        raise LoadUsageError("steps", [], "give at least one step")
    return Knee(good.goodput, "not reached", good)


def bootstrap(steps: Sequence[Step], objective: Objective, seed: int = 0, runs: int = RUNS) -> Knee:
    """Find the knee with its interval, by resampling the seconds (in blocks) or the requests of every step."""
    knee = find(steps, objective)
    rng = np.random.default_rng(seed)
    if not all(_resamplable(step) for step in steps):
        return knee
    columns = [_resampled(step, rng, runs) for step in steps]
    found: list[float] = []
    for run in range(runs):
        again = [replace(step, rps=rps[run], p95_ms=p95[run]) for step, (rps, p95) in zip(steps, columns, strict=True)]
        try:
            found.append(find(again, objective).rps)
        except KneeError:
            found.append(0.0)
    low, high = np.quantile(found, [0.025, 0.975])
    return replace(knee, low=float(min(low, knee.rps)), high=float(max(high, knee.rps)))


def p95_at(steps: Sequence[Step], rps: float) -> float | None:
    """Return the p95 to expect at a rate, in ms, between the steps around it; None outside of what was measured."""
    known = sorted((step.goodput, step.p95_ms) for step in steps if step.goodput and step.p95_ms)
    if not known or not known[0][0] <= rps <= known[-1][0]:
        return None
    rates, times = zip(*known, strict=True)
    return float(np.exp(np.interp(rps, rates, np.log(times))))


def _broken(step: Step, objective: Objective) -> str | None:
    """Say what a step breaks. A step without requests or without latency is never good."""
    if not step.requests or step.failures / step.requests > objective.failures:
        return "failures"
    if objective.p95_ms is not None and (step.p95_ms is None or step.p95_ms > objective.p95_ms):
        return "latency"
    if step.offered is not None and step.rps < KEEPS_UP * step.offered - CHANCE * _scatter(step.offered, step):
        return "flat"
    return None


def _scatter(rate: float, step: Step) -> float:
    """Return the standard deviation of the rate that is counted when arrivals come by chance."""
    return math.sqrt(rate / step.duration_s) if step.duration_s > 0 else 0.0


def _flat(before: Step, step: Step) -> bool:
    # Where the rate was set, keeping up with it is the better question: close steps differ by chance.
    if step.offered is not None or before.load <= 0 or before.goodput <= 0 or step.load <= before.load:
        return False
    return step.goodput / before.goodput - 1 < FLAT_GAIN * (step.load / before.load - 1)


def _between(good: Step, bad: Step, broken: str, objective: Objective) -> float:
    """Return the throughput at which the objective breaks, between a good and a bad step."""
    if broken == "flat":
        return max(good.goodput, bad.goodput)
    if broken != "latency" or not (good.p95_ms and bad.p95_ms and objective.p95_ms) or bad.goodput <= good.goodput:
        return good.goodput
    # Latency grows faster than linearly towards saturation: on a logarithmic scale it is nearer to a line.
    part = math.log(objective.p95_ms / good.p95_ms) / math.log(bad.p95_ms / good.p95_ms)
    return good.goodput + min(max(part, 0.0), 1.0) * (bad.goodput - good.goodput)


def _nothing(step: Step, broken: str, objective: Objective) -> str:
    load = (
        f"{step.offered:g} requests/s" if step.offered is not None else f"{step.users:g} user{'s' * (step.users != 1)}"
    )
    if broken == "failures":
        fault = f"{step.failures:,} of {step.requests:,} requests failed (limit {objective.failures:.2%})"
    elif broken == "latency":
        shown = "not measured" if step.p95_ms is None else f"{step.p95_ms:g} ms"
        fault = f"p95 is {shown} (limit {objective.p95_ms:g} ms)"
    else:
        fault = f"only {step.rps:g} requests/s were answered"
    return f"already the least load, {load}, breaks the objective: {fault}. Begin lower, or loosen the objective."


def _resamplable(step: Step) -> bool:
    return len(step.seconds) >= 2 * BLOCK_S or (bool(step.histogram) and step.duration_s > 0)


def _resampled(step: Step, rng: np.random.Generator, runs: int) -> tuple[list[float], list[float | None]]:
    if len(step.seconds) >= 2 * BLOCK_S:
        return _by_seconds(step, rng, runs)
    values = np.array([value for value, _ in step.histogram])
    counts = np.array([count for _, count in step.histogram], float)
    drawn = rng.multinomial(int(counts.sum()), counts / counts.sum(), size=runs).cumsum(axis=1)
    ranks = np.ceil(0.95 * drawn[:, -1:])
    p95 = values[(drawn < ranks).sum(axis=1)]
    rates = rng.poisson(step.requests, runs) / step.requests * step.rps
    return rates.tolist(), p95.tolist()


def _by_seconds(step: Step, rng: np.random.Generator, runs: int) -> tuple[list[float], list[float | None]]:
    """Resample blocks of seconds; p95 moves as the mean of the seconds' own p95 does, weighted by their requests."""
    rps = np.array([rate for rate, _ in step.seconds])
    p95 = np.array([0.0 if value is None else value for _, value in step.seconds])
    length = len(rps)
    starts = rng.integers(0, length - BLOCK_S + 1, size=(runs, math.ceil(length / BLOCK_S)))
    index = (starts[:, :, None] + np.arange(BLOCK_S)).reshape(runs, -1)[:, :length]
    rates = rps[index].mean(axis=1)
    weights = rps[index].sum(axis=1)
    moved = (rps * p95)[index].sum(axis=1) / np.where(weights > 0, weights, 1)
    level = (rps * p95).sum() / rps.sum() if rps.sum() else 0.0
    scale = step.rps / rps.mean() if rps.mean() else 1.0
    if step.p95_ms is None or not level:
        return (rates * scale).tolist(), [step.p95_ms] * runs
    return (rates * scale).tolist(), (moved / level * step.p95_ms).tolist()
