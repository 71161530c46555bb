"""``make drill``: a bad model is promoted while load runs; its alarm turns it back, and no request is lost.

On an embedded AWS of its own, with real Terraform over the environment's own endpoint module; or, with --folder, on all
that the last rehearsal in a folder has built, where IAM decides every call.

Exit codes: 0 as it should be, 1 something is not, 130 interrupted.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rehearsal import keeping
from rehearsal.console import Console
from rehearsal.drill import root
from rehearsal.drill.drill import Record, drill
from rehearsal.drill.judge import facts, faults
from rehearsal.drill.report import write_report
from rehearsal.drive import FORESEEN, continued
from rehearsal.environment import Environment
from rehearsal.run import Options, RehearsalError, only_one, relative, write_json
from rehearsal.stages import STAGES
from terraform.command import SCRATCH
from terraform.interrupts import catch, held

PASSED, FAILED, INTERRUPTED = 0, 1, 130
SPEED = 20.0


def main(arguments: list[str] | None = None) -> int:
    """Carry out the drill and write its report."""
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.drill", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=SCRATCH / "drill", help="folder of the report (default: %(default)s)"
    )
    parser.add_argument("--folder", type=Path, help="of a rehearsal, on whose environment to carry it out")
    parser.add_argument("--speed", type=float, default=SPEED, help="divides the waits of AWS (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    console = Console.for_stream(sys.stdout)
    try:
        with console.stage("drill") as shown:
            try:
                record = carry_out(chosen, shown.update)
            except FORESEEN as error:
                shown.fail(str(error), "make drill")
                return FAILED
            found, figures = faults(record), facts(record)
            write_json(chosen.out / "drill.json", {"facts": figures, "faults": found})
            report = write_report(record, chosen.out / "drill.html")
            if found:
                shown.fail("\n".join(found), "make drill")
            else:
                shown.done(evidence(figures))
    except KeyboardInterrupt:
        print("drill: interrupted; everything it started has ended", file=sys.stderr)
        return INTERRUPTED
    print(f"report: {relative(report)}")
    return FAILED if found else PASSED


def carry_out(chosen: argparse.Namespace, note: Callable[[str], None]) -> Record:
    """The drill where the person wants it."""
    if chosen.folder:
        return on_rehearsal(chosen.folder.absolute(), note=note)
    return on_small_root(speed=chosen.speed, note=note)


def evidence(figures: dict[str, float]) -> str:
    """One line about a drill that passed."""
    return (
        f"{figures['asked']:,} requests, none lost; {figures['refused_by_the_bad_model']} errors of the canary within "
        f"{figures['seconds_to_recovery']:.1f} s, alarm after {figures['seconds_to_alarm']:.1f} s, rolled back, "
        f"then gone back in {figures['rollback_seconds']:.0f} s"
    )


def on_small_root(*, speed: float, note: Callable[[str], None]) -> Record:
    """The drill on an embedded AWS and a Terraform root of its own, of which nothing is left."""
    folder = Path(tempfile.mkdtemp(prefix="slipway-drill-"))
    run = None
    try:
        with held():
            run = root.begin(folder, speed=speed)
        environment = root.SmallRoot(run)
        environment.prepare()
        first, good = (root.publish(run, version, good=True) for version in ("1", "2"))
        bad = root.publish(run, "3", good=False)
        environment.promote({root.WORKLOAD: first}, note)
        return drill(environment, root.WORKLOAD, good, bad, share=root.share(), note=note)
    finally:
        with held():
            if run:
                run.embedded.stop()
            shutil.rmtree(folder, ignore_errors=True)


def on_rehearsal(folder: Path, *, note: Callable[[str], None]) -> Record:
    """The drill on the environment of the last rehearsal, as that left it; `make rehearse STAGE=destroy` ends it."""
    known = keeping.read_run(folder)
    if known is None:
        raise RehearsalError(f"{relative(folder)} holds no rehearsal: run `make rehearse` first")
    with only_one(folder):
        run = continued(folder, Options(workload=known["workload"], speed=known["speed"]), "classify")
        run.forget_from(STAGES.index("classify") + 1)
        try:
            keeping.wait_for_endpoints(run.start_aws())
            good, bad = (root.publish(run, version, good=version == "2") for version in ("2", "3"))
            return drill(Environment(run), known["workload"], good, bad, share=root.share(), note=note)
        finally:
            if run.aws:
                run.stop_aws()


if __name__ == "__main__":
    catch()
    sys.exit(main())
