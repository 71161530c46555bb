"""Drive the stages: one line of evidence each, a record on disk, and an end that leaves no process behind."""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from rehearsal import keeping
from rehearsal.console import Console
from rehearsal.denials import Denials, explain
from rehearsal.report import write_report
from rehearsal.run import Options, RehearsalError, Run, UsageError, fresh, now, only_one, relative, write_text
from rehearsal.stages import STAGES, perform, stages_of
from rehearsal.stages.synth import write_part
from rehearsal.versions import versions
from terraform.command import TerraformError
from terraform.interrupts import held
from terraform.live.scale_in import ScaleInError
from terraform.live.verify import NotLiveError
from training.errors import InputError
from training.workloads import spec

FORESEEN = (
    *(RehearsalError, TerraformError, NotLiveError, ScaleInError, InputError),
    *(ClientError, BotoCoreError, Boto3Error, OSError),
)


def rehearse(folder: Path, options: Options, first: str | None = None) -> bool:
    """Rehearse from stage ``first`` (default: all); returns whether every stage passed.

    Whatever happens, the embedded AWS is stopped with its state saved, unless a run that was to be kept has passed.
    UsageError, with nothing touched, when the options cannot be met.
    """
    of_workload = stages_of(spec.load(options.workload))
    if first and first not in of_workload:
        raise UsageError(f"STAGE: {options.workload} has no stage {first!r}; it has {', '.join(of_workload)}")
    stages = list(of_workload[of_workload.index(first) if first else 0 :])
    if options.keep:
        stages.remove("destroy")
    if not stages:
        raise UsageError("KEEP: after destroy nothing is left to keep; leave out KEEP=1, or name an earlier STAGE")
    with only_one(folder):
        run = begun(folder, options) if stages[0] == STAGES[0] else continued(folder, options, stages[0])
        result, denials = "failed", Denials(run.denials)
        try:
            if stages[0] != STAGES[0]:
                keeping.wait_for_endpoints(run.start_aws())
            run.forget_from(STAGES.index(stages[0]) + 1)
            if all(carry_out(run, name, denials) for name in stages):
                result = "passed"
        except KeyboardInterrupt:
            result = "interrupted"
            raise
        finally:
            with held():
                finish(run, result)
        return result == "passed"


def begun(folder: Path, options: Options) -> Run:
    """A new run in an empty folder."""
    workload = spec.load(options.workload)
    source = options.source or workload.data.default
    if source not in workload.data.options:
        known = ", ".join(workload.data.options)
        raise UsageError(f"SOURCE: {source!r} is no data source of {workload.name}; known: {known}")
    keeping.stop_server_of(folder)
    fresh(folder)
    run = Run(folder, replace(options, source=source, images=options.images or workload.rehearsal.images))
    run.record_run(None)
    return run


def continued(folder: Path, options: Options, first: str) -> Run:
    """The last run, on the state that it saved."""
    old = keeping.read_run(folder)
    if old is None:
        raise RehearsalError(f"{relative(folder)} holds no run to go on with from {first!r}: run `make rehearse` first")
    for setting, asked, found in (
        ("WORKLOAD", options.workload, old["workload"]),
        ("SOURCE", options.source or old["source"], old["source"]),
    ):
        if asked != found:
            raise UsageError(
                f"{setting}: {asked!r} was asked for, but the run in {relative(folder)} has {found!r}: "
                f"go on with {setting}={found}, or begin anew without STAGE"
            )
    keeping.stop_server_of(folder)
    images = options.images or spec.load(options.workload).rehearsal.images
    run = Run(folder, replace(options, source=old["source"], images=images), started=old["started"])
    keeping.restore_before_destroy(run)
    if not run.aws_state.exists():
        raise RehearsalError(f"the last run left no state in {relative(run.aws_state)}: run `make rehearse`")
    write_part(run)  # settings may have changed since
    return run


def carry_out(run: Run, name: str, denials: Denials) -> bool:
    """Carry out one stage, record it, and say whether it passed: a call that IAM refused fails it, whoever made it."""
    number, begin = STAGES.index(name) + 1, time.monotonic()
    record: dict[str, Any] = {"name": name, "started": now(), "status": "interrupted", "evidence": "", "data": {}}
    try:
        with Console.for_stream(sys.stdout).stage(name) as shown:
            try:
                record["evidence"], record["data"] = perform(name, run, shown.update)
                demand_no_denial(denials.new())
            except Exception as error:  # whatever it is, it is this stage's failure and belongs in its record
                causes = [cause_of(error, run), *map(explain, filter(None, [denials.new()]))]
                record.update(status="failed", evidence="\n".join(causes))
                shown.fail(record["evidence"], f"make rehearse STAGE={name}")
                return False
            record["status"] = "passed"
            shown.done(record["evidence"])
            return True
    finally:
        record["seconds"] = round(time.monotonic() - begin, 2)
        with held():
            run.record_stage(number, record)
            run.record_run(None)


def demand_no_denial(denials: list[dict[str, Any]]) -> None:
    """RehearsalError with the role, the action and the resource of each, when IAM refused anything."""
    if denials:
        raise RehearsalError(explain(denials))


def cause_of(error: Exception, run: Run) -> str:
    """What a person is told of an error; one that nobody foresaw leaves its traceback in the run's folder."""
    if isinstance(error, FORESEEN):
        return str(error)
    trace = run.folder / "traceback.txt"
    write_text(trace, "".join(traceback.format_exception(error)))
    return (
        f"{type(error).__name__}: {error}\nthis is a defect of the rehearsal itself; its traceback: {relative(trace)}"
    )


def finish(run: Run, result: str) -> None:
    """End what runs (or keep it, when that was asked for and all went well), write the report, give the verdict."""
    keep = run.options.keep and result == "passed"
    run.record_run(result, versions=versions(), stages=stages_of(run.workloads[-1]))
    if run.aws and not keep:
        try:
            run.stop_aws()
        except RehearsalError as error:
            print(f"rehearsal: {error}", file=sys.stderr)
    if not run.options.keep and result == "passed":
        shutil.rmtree(run.aws_root / "endpoints", ignore_errors=True)
    report = write_report(run.folder)
    print(f"report: {relative(report)}")
    if keep:
        print(keeping.how_to_reach(run))
    print(f"rehearsal {result}", flush=True)
