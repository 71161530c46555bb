"""``python -m rehearsal``: the whole life of a workload on this machine, through real Terraform and no account."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rehearsal import keeping, plan
from rehearsal.drive import FORESEEN, rehearse
from rehearsal.run import DEFAULT_FOLDER, Options, UsageError
from rehearsal.stages import STAGES
from terraform.command import ENVIRONMENTS
from terraform.interrupts import catch
from training.errors import SpecError
from training.workloads import spec

PASSED, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns 0 when it passed, 1 when it failed, 2 for bad usage, 130 when interrupted."""
    chosen = parser().parse_args(arguments)
    try:
        if chosen.command == "plan":
            plan.plan(chosen.environment, chosen.folder)
        elif chosen.command == "stop":
            keeping.stop(chosen.folder)
        elif chosen.command == "resume":
            keeping.resume(chosen.folder)
        else:
            return PASSED if rehearse(chosen.folder, options(chosen), chosen.stage) else FAILED
    except (UsageError, SpecError) as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return BAD_USAGE
    except FORESEEN as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("rehearsal: interrupted; everything it started has ended", file=sys.stderr)
        return INTERRUPTED
    return PASSED


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    default = Options()

    run = commands.add_parser("run", help="rehearse a workload from start to destroy")
    run.add_argument("--workload", choices=spec.names(), default=default.workload)
    run.add_argument("--source", default=default.source, help="data source; empty: the workload's own default")
    run.add_argument("--stage", choices=STAGES, help="go on from this stage with what the last run left")
    run.add_argument("--keep", action="store_true", help="leave everything up at the end, and say how to reach it")
    run.add_argument("--images", type=_count(4, 150), default=default.images, help="images for the workflow")
    run.add_argument("--load-seconds", type=_count(2, 300), default=default.load_seconds)
    run.add_argument("--load-users", type=_count(1, 64), default=default.load_users)
    run.add_argument("--speed", type=_speed, default=default.speed, help="divides the waits of AWS (1: as slow as AWS)")

    planned = commands.add_parser("plan", help="plan any environment against an embedded AWS, without credentials")
    planned.add_argument("environment", choices=sorted(p.parent.name for p in ENVIRONMENTS.glob("*/settings.yaml")))

    stopped = commands.add_parser("stop", help="stop an embedded AWS that was kept, and save its state")
    resumed = commands.add_parser("resume", help="start a kept embedded AWS again from its saved state")
    for command in (run, planned, stopped, resumed):
        command.add_argument("--folder", type=_folder, default=DEFAULT_FOLDER, help="where the run is written")
    return top


def options(chosen: argparse.Namespace) -> Options:
    return Options(
        workload=chosen.workload,
        source=chosen.source,
        images=chosen.images,
        load_seconds=chosen.load_seconds,
        load_users=chosen.load_users,
        speed=chosen.speed,
        keep=chosen.keep,
    )


def _count(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"got {text!r}; expected a whole number from {low} to {high}")
        return int(text)

    return number


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a number from 1 to 100")
    return value


def _folder(text: str) -> Path:
    """Absolute: Terraform and the embedded AWS run in other folders than this process."""
    return Path(text).expanduser().absolute()


if __name__ == "__main__":
    catch()
    sys.exit(main())
