"""The rehearsal environment under real Terraform: the committed folder, with every written file in the run's folder."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.run import Run, write_text
from terraform.command import ENVIRONMENTS, TerraformError, run_terraform, terraform_env, terraform_path

PARALLELISM = 40  # most of an apply is the provider waiting for AWS to settle, not work


@dataclass(frozen=True)
class Applied:
    """What one apply did: resources added, changed and destroyed, and its seconds."""

    added: int
    changed: int
    destroyed: int
    seconds: float


class Environment:
    """Terraform over ``terraform/environments/rehearsal``. State, plugins and the promoted model stay in ``run``."""

    def __init__(self, run: Run) -> None:
        self.folder = ENVIRONMENTS / "rehearsal"
        self.work = run.path("terraform")
        self.state = self.work / "terraform.tfstate"
        self.models = self.work / "models.tfvars.json"
        self.env = terraform_env(run.embedded.env()) | {"TF_DATA_DIR": str(self.work / "data")}

    def init(self) -> None:
        """Initialise with the committed lock file as it is."""
        arguments = ["-lockfile=readonly", "-reconfigure", f"-backend-config=path={self.state}"]
        run_terraform(["init", "-no-color", *arguments], self.folder, self.env)

    def apply(self, note: Callable[[str], None]) -> Applied:
        return self._change(["apply", "-auto-approve"], note)

    def destroy(self, note: Callable[[str], None]) -> Applied:
        return self._change(["destroy", "-auto-approve"], note)

    def plan_is_empty(self) -> bool:
        """Whether a new plan would change nothing."""
        arguments = ["plan", "-no-color", "-detailed-exitcode", f"-out={self.work / 'second.tfplan'}"]
        return run_terraform([*arguments, *self._inputs()], self.folder, self.env, accept=(0, 2)) == 0

    def planned_changes(self) -> list[str]:
        """``address: action`` of what the plan that was not empty would do."""
        plan = json.loads(self._show("show", "-json", str(self.work / "second.tfplan")))
        changes = [(c["address"], "/".join(c["change"]["actions"])) for c in plan.get("resource_changes", [])]
        return [f"{address}: {actions}" for address, actions in changes if actions not in ("no-op", "read")]

    def outputs(self) -> dict[str, Any]:
        """Output values by name."""
        return {name: output["value"] for name, output in json.loads(self._show("output", "-json")).items()}

    def resources(self) -> dict[str, int]:
        """How many managed resources of each type the state holds."""
        state = json.loads(self.state.read_text()) if self.state.exists() else {}
        managed = [r for r in state.get("resources", []) if r["mode"] == "managed"]
        count: Counter[str] = Counter()
        for resource in managed:
            count[resource["type"]] += len(resource["instances"])
        return dict(sorted(count.items()))

    def _change(self, command: list[str], note: Callable[[str], None]) -> Applied:
        begin = time.monotonic()
        seen: dict[str, int] = {}
        watch = _Progress(note, seen)
        arguments = [*command, "-json", f"-parallelism={PARALLELISM}", *self._inputs()]
        run_terraform(arguments, self.folder, self.env, on_event=watch)
        seconds = time.monotonic() - begin
        return Applied(seen.get("add", 0), seen.get("change", 0), seen.get("remove", 0), seconds)

    def _inputs(self) -> list[str]:
        return [f"-var-file={self.models}"] if self.models.exists() else []

    def _show(self, *arguments: str) -> str:
        command = [terraform_path(), *arguments]
        finished = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise TerraformError(
                f"terraform {arguments[0]} ended with exit code {finished.returncode}:\n{finished.stderr}"
            )
        return finished.stdout


class _Progress:
    """Turns Terraform's JSON events into one line of progress, and keeps the summary of the apply."""

    def __init__(self, note: Callable[[str], None], summary: dict[str, int]) -> None:
        self.note, self.summary = note, summary
        self.total = self.done = 0

    def __call__(self, event: dict[str, Any]) -> None:
        kind, changes = event.get("type"), event.get("changes") or {}
        if kind == "change_summary" and changes.get("operation") == "plan":
            self.total = sum(changes[k] for k in ("add", "change", "remove"))
        elif kind == "change_summary":
            self.summary.update({k: changes[k] for k in ("add", "change", "remove")})
        elif kind == "apply_complete" and event["hook"]["action"] != "read":
            self.done += 1
            self.note(f"{self.done} of {self.total} resources: {event['hook']['resource']['addr']}")


def models_file(path: Path, models: dict[str, Any]) -> str:
    """Write the promoted models (``models.auto.tfvars.json``'s format) and return the text."""
    text = json.dumps({"models": models}, indent=2, sort_keys=True) + "\n"
    write_text(path, text)
    return text
