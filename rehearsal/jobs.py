"""``make train|tune|status|stop ENV=rehearsal``: jobs on the rehearsal's environment, as the operator.

Uses the rehearsal that KEEP=1 left up; else a copy of the state that the last one saved; else it rehearses as far as
the staged data. What is done on the copy is kept there for the next such command, until there is a new rehearsal; the
rehearsal itself is as it was. After a tuning job it shows what of the envelope arrived at the embedded AWS.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from rehearsal import keeping, wire
from rehearsal.actors import actor
from rehearsal.aws.client import EmbeddedAws
from rehearsal.denials import Denials
from rehearsal.drive import FORESEEN, begun, carry_out
from rehearsal.run import (
    ACCOUNT,
    DEFAULT_FOLDER,
    REGION,
    Options,
    RehearsalError,
    Run,
    only_one,
    relative,
    start_embedded,
    write_json,
)
from rehearsal.stages import stages_of
from terraform.command import ROOT
from terraform.interrupts import catch, child, held
from training.workloads import spec

FAILED, INTERRUPTED = 1, 130
PATIENCE_S = 20
POLL_S = "0.5"
COMMANDS = ("train", "tune", "status", "stop")


def main(arguments: list[str] | None = None) -> int:
    """Bring the rehearsal up, run the command, and put everything back; returns the command's exit status."""
    chosen, theirs = _parser().parse_known_args(arguments)
    try:
        with only_one(chosen.folder), up(chosen.folder, chosen.workload) as run:
            return _command(run, chosen.command, theirs)
    except FORESEEN as error:
        print(f"jobs: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("jobs: interrupted", file=sys.stderr)
        return INTERRUPTED


@contextmanager
def up(folder: Path, workload: str) -> Iterator[Run]:
    """A rehearsal with staged data, stopped afterwards unless it ran before."""
    facts = keeping.read_run(folder)
    state = _state_with_data(folder) if facts and facts["workload"] == workload else None
    if facts is None or state is None:
        _say(f"no rehearsal of {workload} has its data staged: rehearsing as far as that, which takes minutes")
        run = _rehearsed(folder, workload)
        try:
            yield run
        finally:
            run.stop_aws()
        return
    known = {field.name for field in fields(Options)}
    run = Run(folder, Options(**{name: value for name, value in facts.items() if name in known}))
    if keeping.server_of(folder):
        _say("on the rehearsal that is up")
        run.aws = EmbeddedAws(facts["embedded_aws"]["endpoint"])
        yield run
        return
    with _on_a_copy(run, state):
        yield run


def _state_with_data(folder: Path) -> Path | None:
    """Return the saved state in which the data is staged: that from before the end, where the last run came to it."""
    run = Run(folder, Options())
    if not _passed(run, "stage"):
        return None
    states = (run.before_destroy / "aws.state", *(() if _passed(run, "destroy") else (run.aws_state,)))
    return next((state for state in states if state.exists()), None)


def _passed(run: Run, stage: str) -> bool:
    try:
        run.data(stage)
    except RehearsalError:
        return False
    return True


@contextmanager
def _on_a_copy(run: Run, state: Path) -> Iterator[None]:
    """An embedded AWS on a copy of a saved state, which knows the jobs of earlier commands."""
    copy = run.folder / "jobs.state"
    if not copy.exists() or copy.stat().st_mtime < state.stat().st_mtime:
        _say(f"on a copy of what the last rehearsal saved in {relative(run.folder)}")
        shutil.copy(state, copy)
    else:
        _say(f"on {relative(copy)}, where such jobs are kept until there is a new rehearsal")
    settings: dict[str, Any] = {"account_id": ACCOUNT, "region": REGION, "speed": run.options.speed}
    try:
        with held():
            run.aws = start_embedded(run.aws_root, state=copy, iam="enforce", **settings)
        yield
    finally:
        with held():
            if run.aws:
                run.aws.stop()


def _rehearsed(folder: Path, workload: str) -> Run:
    """Rehearse as far as the staged data; the embedded AWS runs afterwards."""
    run = begun(folder, Options(workload=workload))
    denials = Denials(run.denials)
    last = "stage"
    needed = [*itertools.takewhile(lambda name: name != last, stages_of(run.workloads[-1])), last]
    try:
        if not all(carry_out(run, name, denials) for name in needed):
            raise RehearsalError("the rehearsal failed before there was data to train on")
    except BaseException:
        with held():
            run.record_run("failed")
            if run.aws:
                run.stop_aws()
        raise
    run.record_run("passed")
    return run


def _command(run: Run, command: str, theirs: list[str]) -> int:
    """Run `python -m training.jobs` as the operator, and look at what arrived."""
    workload = run.options.workload
    before = wire.tuning_jobs(run, workload) if command == "tune" else set()
    code = sent(run, workload, command, theirs)
    if command == "tune":
        for name in sorted(wire.tuning_jobs(run, workload) - before):
            print(f"\n{wire.told(wire.received(run, name))}")
    return code


def sent(run: Run, workload: str, command: str, theirs: list[str]) -> int:
    """Run one command of `python -m training.jobs` as the operator; returns its exit status."""
    whole = [sys.executable, "-m", "training.jobs", command, "--workload", workload, "--env", "rehearsal"]
    whole += ["--outputs", str(outputs_file(run)), *theirs]
    if command in {"train", "tune"}:
        whole += ["--poll-s", POLL_S]
    with child(whole, patience_s=PATIENCE_S, cwd=ROOT, env=actor(run, "operator").env()) as process:
        return process.wait()


def outputs_file(run: Run) -> Path:
    """The environment's outputs as a file, which is what an operator without access to the state is given."""
    path = run.folder / "outputs.json"
    write_json(path, run.data("apply")["outputs"])
    return path


def _say(line: str) -> None:
    print(f"jobs: {line}", flush=True)


def _parser() -> argparse.ArgumentParser:
    first, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.jobs",
        description=first,
        epilog=rest + "\nAll other arguments are those of `python -m training.jobs`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--workload", choices=spec.names(), default=Options().workload)
    parser.add_argument("--folder", type=lambda text: Path(text).absolute(), default=DEFAULT_FOLDER)
    return parser


if __name__ == "__main__":
    catch()
    sys.exit(main())
