"""Terraform over one folder, with its state and its plugins in the run's folder and in the name of one actor."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.actors import Name, actor
from rehearsal.run import Run
from terraform.command import read_terraform, run_terraform, terraform_env

PARALLELISM = 40  # most of an apply is the provider waiting for AWS to settle, not work


@dataclass(frozen=True)
class Applied:
    """What one apply did: resources added, changed and destroyed, its seconds, and what was then verified live."""

    added: int
    changed: int
    destroyed: int
    seconds: float
    live: str = ""


class Configuration:
    """A folder of Terraform code.

    Attributes
    ----------
    state, data
        The state file, and the folder of plugins; both in the run's folder, never in the code's.
    """

    def __init__(self, run: Run, folder: Path, state: Path) -> None:
        self.run, self.folder, self.state = run, folder, state
        self.data = state.with_suffix(".data")

    def inputs(self) -> list[str]:
        """Arguments that give the variables their values."""
        return []

    def env(self, name: Name) -> dict[str, str]:
        """The environment in which Terraform acts in the name of an actor."""
        return terraform_env(actor(self.run, name).env()) | {"TF_DATA_DIR": str(self.data)}

    def init(self, name: Name) -> None:
        """Initialise with the committed lock file as it is."""
        arguments = ["-lockfile=readonly", "-reconfigure", f"-backend-config=path={self.state}"]
        run_terraform(["init", "-no-color", *arguments], self.folder, self.env(name))

    def change(
        self, name: Name, command: Sequence[str], note: Callable[[str], None], plan: Path | None = None, total: int = 0
    ) -> Applied:
        """Carry out ``apply`` or ``destroy`` without asking; with a saved ``plan``, just that, of ``total`` changes."""
        begin = time.monotonic()
        seen: dict[str, int] = {}
        watch = _Progress(note, seen, total)
        inputs = [str(plan)] if plan else self.inputs()
        arguments = [*command, "-auto-approve", "-json", f"-parallelism={PARALLELISM}", *inputs]
        run_terraform(arguments, self.folder, self.env(name), on_event=watch)
        seconds = time.monotonic() - begin
        return Applied(seen.get("add", 0), seen.get("change", 0), seen.get("remove", 0), seconds)

    def show(self, name: Name, *arguments: str) -> str:
        """What a command of Terraform prints."""
        return read_terraform(arguments, self.folder, self.env(name))

    def resources(self) -> dict[str, int]:
        """How many managed resources of each type the state holds."""
        state = json.loads(self.state.read_text()) if self.state.exists() else {}
        managed = [r for r in state.get("resources", []) if r["mode"] == "managed"]
        count: Counter[str] = Counter()
        for resource in managed:
            count[resource["type"]] += len(resource["instances"])
        return dict(sorted(count.items()))


class _Progress:
    """Turns Terraform's JSON events into one line of progress, and keeps the summary of the apply."""

    def __init__(self, note: Callable[[str], None], summary: dict[str, int], total: int) -> None:
        self.note, self.summary = note, summary
        self.total, self.done = total, 0

    def __call__(self, event: dict[str, Any]) -> None:
        kind, changes = event.get("type"), event.get("changes") or {}
        if kind == "change_summary" and changes.get("operation") == "plan":
            self.total = sum(changes[k] for k in ("add", "change", "remove"))
        elif kind == "change_summary":
            self.summary.update({k: changes[k] for k in ("add", "change", "remove")})
        elif kind == "apply_complete" and event["hook"]["action"] != "read":
            self.done += 1
            self.note(f"{self.done} of {self.total} resources: {event['hook']['resource']['addr']}")
