"""The drill itself: a good model is rolled out under load, a bad one is turned back by its alarm, and we go back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rehearsal.actors import actor
from rehearsal.drill.artefacts import picture
from rehearsal.drill.load import Asked, Load
from rehearsal.drill.watch import Moment, Watch
from rehearsal.environment import Environment
from rehearsal.run import RehearsalError
from terraform.live import models
from terraform.live.verify import NotLiveError

RATE = 30.0
CALM_S = 3.0

Note = Callable[[str], None]


@dataclass(frozen=True)
class Phase:
    """A part of the drill, from and to in seconds, and what came of it."""

    name: str
    begin: float
    end: float
    outcome: str


@dataclass
class Record:
    """Everything that a drill has seen. ``share`` is the canary's part of the traffic."""

    endpoint: str
    share: float
    rate: float
    phases: list[Phase] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    def phase(self, name: str) -> Phase:
        return next(phase for phase in self.phases if phase.name == name)


GOOD_ROLLOUT, BAD_ROLLOUT, RETURN = "a good model", "a bad model", "make rollback"


def drill(
    environment: Environment, workload: str, good: models.Model, bad: models.Model, *, share: float, note: Note
) -> Record:
    """Carry out the drill on an environment that already serves a model.

    Parameters
    ----------
    good, bad
        Entries for the file of promoted models: one to roll out, and one that fails on real pictures.
    share
        Of the traffic that the canary gets, as the environment's rollout has it.

    Raises
    ------
    RehearsalError
        When the bad model was not turned back.
    """
    name = environment.place(note).endpoints[workload]
    record, begun = Record(name, share, RATE), time.monotonic()

    @contextmanager
    def phase(title: str) -> Iterator[list[str]]:
        outcome: list[str] = []
        note(title)
        begin = time.monotonic() - begun
        yield outcome
        record.phases.append(Phase(title, begin, time.monotonic() - begun, " ".join(outcome)))

    caller, reader = actor(environment.run, "operator"), actor(environment.run, "deploy")
    with Watch(reader, name, begun=begun) as watch, Load(caller, name, picture(), rate=RATE, begun=begun) as load:
        calm(load)
        with phase(GOOD_ROLLOUT) as outcome:
            outcome.append(environment.promote({workload: good}, note).live)
        calm(load)
        record.before = models.read(environment.models)
        with phase(BAD_ROLLOUT) as outcome:
            try:
                environment.promote({workload: bad}, note)
            except NotLiveError as error:
                outcome.append(str(error))
            else:
                raise RehearsalError("the bad model was not turned back: the alarm did not fire during the canary")
        calm(load)
        with phase(RETURN) as outcome:
            outcome.append(environment.rollback(workload, note).live)
        calm(load)
    record.after = models.read(environment.models)
    record.asked = sorted(load.asked, key=lambda asked: asked.due)
    record.moments = watch.moments
    return record


def calm(load: Load) -> None:
    """Let a few seconds' worth of requests be answered, so that each phase is seen beginning and ending."""
    wanted, deadline = len(load.asked) + CALM_S * RATE, time.monotonic() + 60
    while len(load.asked) < wanted:
        if time.monotonic() > deadline:
            raise RehearsalError(f"the endpoint has answered too few of {RATE:g} requests a second: {len(load.asked)}")
        time.sleep(0.05)
