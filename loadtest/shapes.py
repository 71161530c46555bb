"""How much load, when: the levels of a run, and which of them come next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from loadtest.capacity.knee import Knee, KneeError, Objective, find
from loadtest.capacity.steps import Step
from loadtest.errors import LoadUsageError

Name = Literal["steady", "stairs", "spike", "soak", "replay"]

MAX_SECONDS = 24 * 3600.0
MAX_STEPS = 100
MAX_RATE = 100_000.0
# Parts in which a soak is reported: enough to see a trend, long enough each for a 99th percentile.
SOAK_PARTS = 4
# A step that is short of requests goes on, and ends after this many times its length even if it stays short.
LONGEST_STEP = 3


@dataclass(frozen=True)
class Level:
    """One level of load.

    Attributes
    ----------
    name
        What people see, such as `step 3`.
    amount
        Users who wait for their answers, or arrivals per second.
    seconds
        How long it is measured.
    settle_s
        Time before that at the same load which is in no figure: the target still reacts to the change.
    """

    name: str
    amount: float
    seconds: float
    settle_s: float = 0.0


@dataclass(frozen=True)
class Stairs:
    """When stairs end, and how closely they look at the place where they did.

    Attributes
    ----------
    flat
        `stop` at flat throughput, which is Inference Recommender's default, or `continue`
        (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RecommendationJobStoppingConditions.html).
    refine
        Levels that are measured once more between the last good and the first bad one.
    min_requests
        Requests that a step needs; without them it goes on, up to `LONGEST_STEP` times its length.
    """

    objective: Objective = field(default_factory=Objective)
    flat: Literal["stop", "continue"] = "stop"
    refine: int = 2
    min_requests: int = 400


@dataclass(frozen=True)
class Shape:
    """The levels of a run in their order; stairs may end before the last one."""

    name: Name
    levels: tuple[Level, ...]
    stairs: Stairs | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.levels) <= MAX_STEPS:
            raise LoadUsageError("steps", len(self.levels), f"give 1 to {MAX_STEPS}")
        for level in self.levels:
            if not 1 <= level.seconds <= MAX_SECONDS:
                raise LoadUsageError("seconds", level.seconds, f"give 1 to {MAX_SECONDS:.0f}")
            if not 0 <= level.settle_s <= MAX_SECONDS:
                raise LoadUsageError("settle", level.settle_s, f"give 0 to {MAX_SECONDS:.0f}")
            if not 0 < level.amount <= MAX_RATE:
                raise LoadUsageError("load", level.amount, f"give more than 0 and at most {MAX_RATE:.0f}")

    @property
    def most(self) -> float:
        """The highest level."""
        return max(level.amount for level in self.levels)

    @property
    def longest_s(self) -> float:
        """Seconds that the run takes at most, extended and refined steps included."""
        planned = sum(level.settle_s + level.seconds for level in self.levels)
        if self.stairs is None:
            return planned
        last = self.levels[-1]
        return LONGEST_STEP * (planned + self.stairs.refine * (last.settle_s + last.seconds))


def steady(amount: float, seconds: float) -> Shape:
    """One level."""
    return Shape("steady", (Level("steady", amount, seconds),))


def stairs(per_step: float, steps: int, seconds: float, settle_s: float, rules: Stairs) -> Shape:
    """Levels that each add `per_step`, held for `seconds`.

    The names and their meaning are those of Inference Recommender's stairs: NumberOfSteps, UsersPerStep and
    DurationInSeconds of each step (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Stairs.html).
    """
    if not 1 <= steps <= MAX_STEPS:
        raise LoadUsageError("steps", steps, f"give 1 to {MAX_STEPS}")
    levels = tuple(Level(f"step {n}", n * per_step, seconds, settle_s) for n in range(1, steps + 1))
    return Shape("stairs", levels, rules)


def spike(base: float, peak: float, around_s: float, peak_s: float) -> Shape:
    """A base level, a sudden peak, and the base level again, in which the target has to recover."""
    if peak <= base:
        raise LoadUsageError("peak", peak, f"give more than the base level, {base:g}")
    levels = (Level("before", base, around_s), Level("spike", peak, peak_s), Level("after", base, around_s))
    return Shape("spike", levels)


def soak(amount: float, seconds: float) -> Shape:
    """One level for long, in parts that show whether the target tires."""
    parts = range(1, SOAK_PARTS + 1)
    return Shape("soak", tuple(Level(f"part {n}", amount, seconds / SOAK_PARTS) for n in parts))


def replay(mean_rate: float, seconds: float) -> Shape:
    """Recorded traffic; the arrivals themselves come from the trace."""
    return Shape("replay", (Level("replay", mean_rate, seconds),))


def reached(done: Sequence[Step], rules: Stairs) -> str | None:
    """Say why stairs end with these steps: `slo` (latency), `failures` or `flat`; None to go on."""
    faults = [fault for step in done if (fault := _fault(step, rules.objective))]
    if faults:
        return faults[0]
    knee = _knee(done, rules.objective)
    return "flat" if knee and knee.reason == "flat" and rules.flat == "stop" else None


def best(done: Sequence[Step], rules: Stairs) -> Step:
    """Return the step that speaks for the whole: the highest good one, or the lowest when none is good."""
    ordered = sorted(done, key=lambda step: step.load)
    knee = _knee(ordered, rules.objective)
    if knee and not (knee.reason == "flat" and rules.flat == "continue"):
        return knee.step
    good = list(takewhile(lambda step: not _fault(step, rules.objective), ordered))
    return good[-1] if good else ordered[0]


def between(amounts: Sequence[float], count: int, *, whole: bool) -> list[float]:
    """Return `count` levels between the two highest ones, to be measured closely; whole numbers for users."""
    low, high = sorted([0.0, *amounts])[-2:]
    wanted = [low + (high - low) * part / (count + 1) for part in range(1, count + 1)]
    if whole:
        wanted = [float(round(value)) for value in wanted]
    return sorted({value for value in wanted if low < value < high})


def _knee(done: Sequence[Step], objective: Objective) -> Knee | None:
    try:
        return find(sorted(done, key=lambda step: step.load), objective)
    except KneeError:
        return None


def _fault(step: Step, objective: Objective) -> str | None:
    if not step.requests or step.failures / step.requests > objective.failures:
        return "failures"
    if objective.p95_ms is not None and (step.p95_ms is None or step.p95_ms > objective.p95_ms):
        return "slo"
    return None
