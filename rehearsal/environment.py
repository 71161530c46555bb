"""The rehearsal environment under real Terraform: the committed folder, with every written file in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rehearsal.configuration import Applied, Configuration
from rehearsal.run import Run, write_text
from terraform.command import ENVIRONMENTS, run_terraform


class Environment(Configuration):
    """``terraform/environments/rehearsal``: the deploy role changes it, the plan role looks at it."""

    def __init__(self, run: Run) -> None:
        work = run.path("terraform")
        super().__init__(run, ENVIRONMENTS / "rehearsal", work / "terraform.tfstate")
        self.models = work / "models.tfvars.json"
        self.second_plan = work / "second.tfplan"

    def inputs(self) -> list[str]:
        return [f"-var-file={self.models}"] if self.models.exists() else []

    def apply(self, note: Callable[[str], None]) -> Applied:
        self.init("deploy")
        return self.change("deploy", ["apply"], note)

    def destroy(self, note: Callable[[str], None]) -> Applied:
        self.init("deploy")
        return self.change("deploy", ["destroy"], note)

    def plan_is_empty(self) -> bool:
        """Whether a new plan would change nothing. Without a lock: the plan role writes nothing at all."""
        arguments = ["plan", "-no-color", "-lock=false", "-detailed-exitcode", f"-out={self.second_plan}"]
        return run_terraform([*arguments, *self.inputs()], self.folder, self.env("plan"), accept=(0, 2)) == 0

    def planned_changes(self) -> list[str]:
        """``address: action`` of what the plan that was not empty would do."""
        plan = json.loads(self.show("plan", "show", "-json", str(self.second_plan)))
        changes = [(c["address"], "/".join(c["change"]["actions"])) for c in plan.get("resource_changes", [])]
        return [f"{address}: {actions}" for address, actions in changes if actions not in ("no-op", "read")]

    def outputs(self) -> dict[str, Any]:
        """Output values by name."""
        return {name: output["value"] for name, output in json.loads(self.show("plan", "output", "-json")).items()}


def models_file(path: Path, models: dict[str, Any]) -> str:
    """Write the promoted models (``models.auto.tfvars.json``'s format) and return the text."""
    text = json.dumps({"models": models}, indent=2, sort_keys=True) + "\n"
    write_text(path, text)
    return text
