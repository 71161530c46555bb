"""Settings are valid, the committed Terraform is what they say, and the rehearsed part of it is written out."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome
from rehearsal.stages.stage import PATIENCE_S
from terraform.command import ENVIRONMENTS, ROOT
from terraform.interrupts import child


def perform(run: Run, note: Note) -> Outcome:
    note("settings -> main.tf.json")
    synthesise("--check")
    note("the part that is rehearsed")
    write_part(run)
    modules = {
        path.parent.name: len(json.loads(path.read_text())["module"])
        for path in sorted(ENVIRONMENTS.glob("*/main.tf.json"))
    }
    evidence = "settings valid, committed files fresh: " + ", ".join(f"{k} {v} modules" for k, v in modules.items())
    return evidence, {"modules": modules}


def write_part(run: Run) -> None:
    """Write the environment with nothing but what is rehearsed into the run's folder."""
    only = [word for workload in run.workloads for word in ("--workload", workload.name)]
    synthesise("--env", "rehearsal", *only, "--out", str(run.environment))


def synthesise(*arguments: str) -> None:
    """Run the project's own command; RehearsalError with what it said when it failed."""
    command = [sys.executable, "-m", "terraform.stacks.synth", *arguments]
    pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with child(command, patience_s=PATIENCE_S, cwd=ROOT, **pipe) as process:
        said = process.communicate()[0]
    if process.returncode:
        raise RehearsalError(said.strip())
