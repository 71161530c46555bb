"""Drive the stages: one line of evidence each, a record on disk, and an end that leaves no process behind."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from rehearsal import keeping
from rehearsal.console import Console
from rehearsal.report import write_report
from rehearsal.run import Options, RehearsalError, Run, fresh, now, only_one, relative
from rehearsal.stages import STAGES, perform
from rehearsal.versions import versions
from terraform.command import TerraformError
from training.workloads import spec


def rehearse(folder: Path, options: Options, first: str | None = None) -> bool:
    """Rehearse from stage ``first`` (default: all); returns whether every stage passed.

    Whatever happens, the embedded AWS is stopped with its state saved, unless a run that was to be kept has passed.
    """
    with only_one(folder):
        keeping.stop_server_of(folder)
        run = continued(folder, options, first) if first and first != STAGES[0] else begun(folder, options)
        stages = list(STAGES[STAGES.index(first or STAGES[0]) :])
        if options.keep:
            stages.remove("destroy")
        run.forget_from(STAGES.index(stages[0]) + 1)
        result = "failed"
        try:
            if all(carry_out(run, name) for name in stages):
                result = "passed"
        except KeyboardInterrupt:
            result = "interrupted"
            raise
        finally:
            finish(run, result)
        return result == "passed"


def begun(folder: Path, options: Options) -> Run:
    """A new run in an empty folder."""
    fresh(folder)
    workload = spec.load(options.workload)
    source = options.source or workload.data.default
    if source not in workload.data.options:
        known = ", ".join(workload.data.options)
        raise RehearsalError(f"SOURCE: {source!r} is no data source of {workload.name}; known: {known}")
    return Run(folder, replace(options, source=source))


def continued(folder: Path, options: Options, first: str | None) -> Run:
    """The last run, its embedded AWS started again on the state that was saved."""
    old = keeping.read_run(folder)
    if old is None:
        raise RehearsalError(f"{relative(folder)} holds no run to go on with from {first!r}: run `make rehearse` first")
    options = replace(options, workload=old["workload"], source=old["source"])
    run = Run(folder, options, started=old["started"])
    keeping.restore_before_destroy(run)
    if not run.aws_state.exists():
        raise RehearsalError(f"the last run left no state in {relative(run.aws_state)}: run `make rehearse`")
    keeping.wait_for_endpoints(run.start_aws())
    return run


def carry_out(run: Run, name: str) -> bool:
    """Carry out one stage, record it, and say whether it passed."""
    number, begin = STAGES.index(name) + 1, time.monotonic()
    record: dict[str, Any] = {"name": name, "started": now(), "status": "interrupted", "evidence": "", "data": {}}
    try:
        with Console.for_stream(sys.stdout).stage(name) as shown:
            try:
                record["evidence"], record["data"] = perform(name, run, shown.update)
            except (RehearsalError, TerraformError, ClientError, OSError) as error:
                record.update(status="failed", evidence=str(error))
                shown.fail(str(error), f"make rehearse STAGE={name}")
                return False
            record["status"] = "passed"
            shown.done(record["evidence"])
            return True
    finally:
        record["seconds"] = round(time.monotonic() - begin, 2)
        run.record_stage(number, record)
        run.record_run(None)


def finish(run: Run, result: str) -> None:
    """End what runs (or keep it, when that was asked for and all went well), write the report, give the verdict."""
    keep = run.options.keep and result == "passed"
    run.record_run(result, versions=versions())
    if run.aws and not keep:
        run.aws.stop()
    if not run.options.keep and result == "passed":
        shutil.rmtree(run.aws_root / "endpoints", ignore_errors=True)
    report = write_report(run.folder)
    print(f"report: {relative(report)}")
    if keep:
        print(keeping.how_to_reach(run))
    print(f"rehearsal {result}", flush=True)
