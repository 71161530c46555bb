"""``make train|tune|status|stop ENV=rehearsal``: jobs on the rehearsal's environment, as the operator.

Uses the rehearsal that KEEP=1 left up; else a copy of the state that the last one saved; else it rehearses as far as
the staged data. What is done on the copy is kept there for the next such command, until there is a new rehearsal; the
rehearsal itself is as it was. After a tuning job it shows what of the envelope arrived at the embedded AWS.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rehearsal import reached, wire
from rehearsal.actors import actor
from rehearsal.drive import FORESEEN
from rehearsal.run import Run, relative, write_json
from terraform.command import ROOT
from terraform.interrupts import catch, child

FAILED, INTERRUPTED = 1, 130
PATIENCE_S = 20
POLL_S = "0.5"
COMMANDS = ("train", "tune", "status", "stop")


def main(arguments: list[str] | None = None) -> int:
    """Bring the rehearsal up, run the command, and put everything back; returns the command's exit status."""
    parser = reached.parser("rehearsal.jobs", __doc__, "training.jobs")
    parser.add_argument("command", choices=COMMANDS)
    chosen, theirs = parser.parse_known_args(arguments)
    try:
        with up(chosen.folder, chosen.workload) as run:
            return _command(run, chosen.command, theirs)
    except FORESEEN as error:
        print(f"jobs: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("jobs: interrupted", file=sys.stderr)
        return INTERRUPTED


def up(folder: Path, workload: str) -> AbstractContextManager[Run]:
    """A rehearsal with staged data, stopped afterwards unless it ran before."""
    return reached.up(folder, workload, "stage", _on_a_copy, _say)


@contextmanager
def _on_a_copy(run: Run, state: Path) -> Iterator[None]:
    """An embedded AWS on a copy of a saved state, which knows the jobs of earlier commands."""
    copy = run.folder / "jobs.state"
    if not copy.exists() or copy.stat().st_mtime < state.stat().st_mtime:
        _say(f"on a copy of what the last rehearsal saved in {relative(run.folder)}")
        shutil.copy(state, copy)
    else:
        _say(f"on {relative(copy)}, where such jobs are kept until there is a new rehearsal")
    with reached.started(run, copy):
        yield


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


if __name__ == "__main__":
    catch()
    sys.exit(main())
