"""One drill: load, then the load with a fault, then the load without it again; and the row that it ends in."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loadtest.slo import Slo, judge
from rehearsal.faults.errors import DrillError
from rehearsal.faults.load import OK, Answered, Load, bad_for, figures, kinds
from rehearsal.faults.world import awaited

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadtest.slo import Verdict
    from rehearsal.faults.world import World

SLO = Slo(p95_ms=300.0, failures=0.01)
FEWEST = 100  # requests of a phase: one in a hundred is what the objective allows
CALM_S = 2.0
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Phase:
    """One of the three parts of a drill, judged by the gate of load tests."""

    answered: Sequence[Answered]
    seconds: float
    verdict: Verdict

    @property
    def p95_ms(self) -> float | None:
        """95th percentile of the latency in milliseconds, failures included."""
        found: float | None = figures(self.answered, self.seconds)["p95_ms"]
        return found

    @property
    def broken(self) -> set[str]:
        """Names of the figures that break the objective."""
        return {check.name for check in self.verdict.checks if not check.passed}


@dataclass
class Row:
    """What a drill found.

    Attributes
    ----------
    sent
        Requests begun. Each is in ``failed`` by its kind, or was answered well.
    fired_s, cleared_s
        From the fault's begin until its alarm, and from the fault's end until all was well again; None without one.
    recovered_s
        From the fault's end until the last answer that was a failure or slow.
    """

    fault: str
    sent: int
    failed: dict[str, int]
    before: Phase
    during: Phase
    after: Phase
    alarm: str = ""
    fired_s: float | None = None
    cleared_s: float | None = None
    recovered_s: float = 0.0
    notes: list[str] = field(default_factory=list)


class Drill:
    """Marks the phases of a load that runs already, and waits for the facts that end them.

    Parameters
    ----------
    alarm
        Name of the alarm that the fault must fire, "" where none may fire.
    others
        Names of alarms that must stay as they are.
    """

    def __init__(
        self, world: World, fault: str, load: Load, *, alarm: str = "", others: Sequence[str] = (), slo: Slo = SLO
    ) -> None:
        self._world, self._fault, self._load, self._slo = world, fault, load, slo
        self._alarm, self._others = alarm, tuple(others)
        self._begun = time.monotonic()
        self._from = self._to = self._until = 0.0
        self._fired: float | None = None
        self._cleared: float | None = None
        self._slow_ms = slo.p95_ms or math.inf

    def begin(self) -> None:
        """Wait until enough has gone well, and begin the second phase.

        Raises
        ------
        DrillError
            When it does not go well without a fault.
        """
        for alarm in filter(None, (self._alarm, *self._others)):
            self._in_state(alarm, "OK", 30.0)
        self._calm(self._begun)
        self._from = time.monotonic()

    def fired(self) -> None:
        """Wait for the alarm, while the fault holds."""
        self._in_state(self._alarm, "ALARM", PATIENCE_S)
        self._fired = time.monotonic() - self._from

    def end(self, at: float | None = None) -> None:
        """The fault is over; or it was ``at`` a moment, and only now nothing is left of it."""
        self._until = time.monotonic()
        self._to = at or self._until

    def recovered(self) -> None:
        """Wait until requests go well again, and until the alarm says so."""
        self._calm(self._until)
        if self._alarm:
            self._in_state(self._alarm, "OK", PATIENCE_S)
            self._cleared = time.monotonic() - self._to

    def row(self, *, breaks: set[str], may: frozenset[str] = frozenset(), also: Load | None = None) -> Row:
        """Close the books of a load that has ended.

        Parameters
        ----------
        breaks
            The figures that must break the objective while the fault holds.
        may
            Those that may break it besides, depending on chance.
        also
            A load that was there only while the fault held; its requests count like all others.

        Raises
        ------
        DrillError
            When a request is unaccounted for, or the gate does not say what is true.
        """
        loads = [self._load, *([also] if also else [])]
        answered = sorted((one for load in loads for one in load.answered), key=lambda one: one.at)
        sent = sum(load.sent for load in loads)
        demand("every request is answered or accounted for", sent == len(answered), sent, len(answered))
        recovered = bad_for(answered, self._to, self._slow_ms)
        # The load is older than the drill: its first requests belong to the first phase all the same.
        first, last = (answered[0].at, answered[-1].at) if answered else (self._begun, self._to)
        turn = max(self._to + recovered, self._until)
        before = self._phase(answered, min(first, self._begun), self._from)
        during = self._phase(answered, self._from, turn + 1e-6)
        after = self._phase(answered, turn + 1e-6, last + 1e-6)
        for name, phase, must in (("before", before, set()), ("during", during, breaks), ("after", after, set())):
            true = _truly_broken(phase.answered, self._slo)
            demand(f"the gate tells the truth {name} {self._fault}", phase.broken == true, true, phase.verdict)
            allowed = must | (may if name == "during" else set())
            demand(f"the objective {name} {self._fault}", must <= true <= allowed, must or "kept", phase.verdict)
        failed = {kind: count for kind, count in sorted(kinds(answered).items()) if kind != OK}
        self._quiet()
        return Row(
            self._fault, sent, failed, before, during, after,
            self._alarm, self._fired, self._cleared, recovered,
        )  # fmt: skip

    def _in_state(self, alarm: str, state: str, seconds: float) -> None:
        fact = f"{self._fault}: alarm {alarm} is {state} ({dict(kinds(self._load.answered))} until now)"
        awaited(fact, lambda: self._world.state(alarm) == state, seconds)

    def _phase(self, answered: Sequence[Answered], begin: float, end: float) -> Phase:
        within = [one for one in answered if begin <= one.at < end]
        return Phase(within, end - begin, judge(figures(within, end - begin), self._slo))

    def _calm(self, since: float) -> None:
        def calm() -> bool:
            now, answered = time.monotonic(), list(self._load.answered)
            good_from = since + bad_for(answered, since, self._slow_ms)
            return now - good_from >= CALM_S and sum(one.at >= good_from for one in answered) >= FEWEST

        awaited(f"{self._fault}: {CALM_S:g} s without failed or slow requests", calm, PATIENCE_S)

    def _quiet(self) -> None:
        """The topic has been told what happened, and nothing else."""
        if self._alarm:
            told = self._world.notices
            awaited(f"the topic is told of {self._alarm}", lambda: told(self._alarm)[-1:] == ["OK"], 15.0)
            states = told(self._alarm)
            demand(
                f"the topic is told that {self._alarm} fired and cleared", states.count("ALARM") >= 1, "ALARM", states
            )
        for alarm in self._others:
            states = self._world.notices(alarm)
            demand(f"alarm {alarm} has not fired", "ALARM" not in states, "no ALARM", states)


def _truly_broken(answered: Sequence[Answered], slo: Slo) -> set[str]:
    """Judge without the gate: count the requests that failed, and those above the limit of the 95th percentile."""
    failed = sum(one.kind != OK for one in answered)
    slow = sum(one.ms > (slo.p95_ms or math.inf) for one in answered)
    broken = {"failures"} if failed > slo.failures * len(answered) else set()
    return broken | ({"p95_ms"} if slow > len(answered) - math.ceil(0.95 * len(answered)) else set())


def demand(fact: str, holds: object, expected: object, found: object) -> None:
    """Raise a DrillError that says what was expected and what was found, unless ``fact`` holds."""
    if not holds:
        raise DrillError(f"{fact}: expected {expected}, found {found}")


def counted(world: World, endpoint: str, expected: Callable[[], dict[str, float]]) -> None:
    """Demand that an endpoint's metrics come to what its callers have counted."""
    awaited(
        f"the metrics of {endpoint} come to {expected()}",
        lambda: {name: world.total(endpoint, name) for name in expected()} == expected(),
        15.0,
    )
