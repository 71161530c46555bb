"""Settings are valid, and the committed Terraform is what they say."""

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


def perform(run: Run, note: Note) -> Outcome:  # noqa: ARG001 - every stage is called alike
    note("settings -> main.tf.json")
    command = [sys.executable, "-m", "terraform.stacks.synth", "--check"]
    pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with child(command, patience_s=PATIENCE_S, cwd=ROOT, **pipe) as process:
        said = process.communicate()[0]
    if process.returncode:
        raise RehearsalError(said.strip())
    modules = {
        path.parent.name: len(json.loads(path.read_text())["module"])
        for path in sorted(ENVIRONMENTS.glob("*/main.tf.json"))
    }
    evidence = "settings valid, committed files fresh: " + ", ".join(f"{k} {v} modules" for k, v in modules.items())
    return evidence, {"modules": modules}
