"""A rehearsal that has come as far as some stage, for commands that go on from there and leave it as it was.

The one that KEEP=1 left up, else a copy of the state that the last one saved, else a new one, rehearsed as far as that.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from pathlib import Path

from loadtest import cli
from rehearsal import keeping
from rehearsal.aws.client import EmbeddedAws
from rehearsal.denials import Denials
from rehearsal.drive import begun, carry_out
from rehearsal.run import ACCOUNT, DEFAULT_FOLDER, REGION, Options, RehearsalError, Run, only_one, start_embedded
from rehearsal.stages import stages_of
from terraform.interrupts import held
from training.workloads import spec

Say = Callable[[str], None]
OnCopy = Callable[[Run, Path], AbstractContextManager[None]]


@contextmanager
def up(folder: Path, workload: str, stage: str, on_a_copy: OnCopy, say: Say) -> Iterator[Run]:
    """A rehearsal of ``workload`` that has passed ``stage``, stopped afterwards unless it ran before.

    ``on_a_copy`` starts the embedded AWS on a copy of the saved state that it is given.
    """
    with only_one(folder):
        facts = keeping.read_run(folder)
        state = state_after(folder, stage) if facts and facts["workload"] == workload else None
        if facts is None or state is None:
            say(f"no rehearsal of {workload} has come as far as {stage}: rehearsing that far, which takes minutes")
            run = rehearsed(folder, workload, stage)
            try:
                yield run
            finally:
                run.stop_aws()
            return
        known = {field.name for field in fields(Options)}
        run = Run(folder, Options(**{name: value for name, value in facts.items() if name in known}))
        if keeping.server_of(folder):
            say("on the rehearsal that is up")
            run.aws = EmbeddedAws(facts["embedded_aws"]["endpoint"])
            yield run
            return
        with on_a_copy(run, state):
            yield run


def state_after(folder: Path, stage: str) -> Path | None:
    """Return the saved state in which what ``stage`` made stands: that from before the end, where a run came to it."""
    run = Run(folder, Options())
    if not _passed(run, stage):
        return None
    states = (run.before_destroy / "aws.state", *(() if _passed(run, "destroy") else (run.aws_state,)))
    return next((state for state in states if state.exists()), None)


def rehearsed(folder: Path, workload: str, last: str) -> Run:
    """Rehearse as far as a stage, that one included; the embedded AWS runs afterwards."""
    run = begun(folder, Options(workload=workload))
    denials = Denials(run.denials)
    stages = stages_of(run.workloads[-1])
    try:
        if not all(carry_out(run, name, denials) for name in stages[: stages.index(last) + 1]):
            raise RehearsalError(f"the rehearsal failed before it had come as far as {last}")
    except BaseException:
        with held():
            run.record_run("failed")
            if run.aws:
                run.stop_aws()
        raise
    run.record_run("passed")
    return run


@contextmanager
def started(run: Run, state: Path) -> Iterator[None]:
    """An embedded AWS on a state, with the run's own settings, stopped afterwards."""
    try:
        with held():
            run.aws = start_embedded(
                run.aws_root, state=state, iam="enforce", account_id=ACCOUNT, region=REGION, speed=run.options.speed
            )
        yield
    finally:
        with held():
            if run.aws:
                run.aws.stop()


def parser(program: str, doc: str | None, others: str) -> argparse.ArgumentParser:
    """Return a parser that knows workload and folder; ``others`` is the command that takes the other options."""
    made = cli.parser(program, doc)
    made.epilog = f"{made.epilog}\nAll other arguments are those of `python -m {others}`."
    made.add_argument("--workload", choices=spec.names(), default=Options().workload)
    made.add_argument("--folder", type=lambda text: Path(text).absolute(), default=DEFAULT_FOLDER)
    return made


def _passed(run: Run, stage: str) -> bool:
    try:
        run.data(stage)
    except RehearsalError:
        return False
    return True
