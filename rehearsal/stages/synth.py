"""Settings are valid, and the committed Terraform is what they say."""

from __future__ import annotations

import json
import subprocess
import sys

from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome
from terraform.command import ENVIRONMENTS, ROOT


def perform(run: Run, note: Note) -> Outcome:  # noqa: ARG001 - every stage is called alike
    note("settings -> main.tf.json")
    command = [sys.executable, "-m", "terraform.stacks.synth", "--check"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise RehearsalError((finished.stderr or finished.stdout).strip())
    modules = {
        path.parent.name: len(json.loads(path.read_text())["module"])
        for path in sorted(ENVIRONMENTS.glob("*/main.tf.json"))
    }
    evidence = "settings valid, committed files fresh: " + ", ".join(f"{k} {v} modules" for k, v in modules.items())
    return evidence, {"modules": modules}
