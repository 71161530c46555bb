"""The rehearsal environment under real Terraform: the committed folder, with every written file in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rehearsal.actors import Name, actor
from rehearsal.configuration import PARALLELISM, Applied, Configuration
from rehearsal.run import ACCOUNT, Run
from terraform.command import ENVIRONMENTS, run_terraform
from terraform.live import change, models, rollback
from terraform.live.ledger import Ledger, entries
from terraform.live.place import endpoint_names
from terraform.stacks.settings import load_settings
from terraform.stacks.synth import part

Note = Callable[[str], None]
PATIENCE_S, SILENCE_S, POLL_S = 120.0, 180.0, 0.25
STATE_BUCKET = f"slipway-{ACCOUNT}-state"


class Environment(Configuration):
    """The rehearsal environment of this run: the deploy role changes it, the plan role looks at it.

    Its code is what `synth` makes of ``terraform/environments/rehearsal/settings.yaml`` for the rehearsed workloads.
    What an apply has brought is verified as `make apply` verifies it, by the same code.
    """

    def __init__(self, run: Run, folder: Path | None = None) -> None:
        work = run.path("terraform")
        super().__init__(run, folder or run.environment, work / "terraform.tfstate")
        self.models = work / "models.tfvars.json"
        self.plan, self.second_plan = work / "first.tfplan", work / "second.tfplan"

    def inputs(self) -> list[str]:
        return [f"-var-file={self.models}"] if self.models.exists() else []

    def place(self, note: Note, name: Name = "deploy") -> change.Place:
        """This environment, for the code that changes a real one, with the account's state bucket."""
        pipeline = actor(self.run, name)
        names = [workload.name for workload in self.run.workloads]
        settings = part(load_settings(ENVIRONMENTS / "rehearsal" / "settings.yaml", "rehearsal/settings.yaml"), names)
        return change.Place(
            models=self.models,
            endpoints=endpoint_names(settings),
            session=pipeline,
            ledger=Ledger(pipeline, STATE_BUCKET, "rehearsal/verified/"),
            state=lambda: json.loads(self.show(name, "show", "-json")),
            note=note,
            patience_s=PATIENCE_S,
            silence_s=SILENCE_S / self.run.options.speed,
            poll_s=POLL_S,
        )

    def apply(self, note: Note, instead_of: models.Models | None = None, loud: dict[str, str] | None = None) -> Applied:
        """Apply, and verify what is live: NotLiveError when it is not what was applied.

        Where an endpoint is to be changed, a plan is saved first, and just that is applied.
        """
        self.init("deploy")
        place, done = self.place(note), Applied(0, 0, 0, 0.0)
        with change.guarded(place):
            sizes = change.fleet_sizes(place)
            saved, total = self._saved(place, change.arguments(place, sizes, loud)) if sizes else (None, 0)

            def apply() -> None:
                nonlocal done
                done = self.change("deploy", ["apply"], note, plan=saved, total=total)

            live = change.applied(place, apply, instead_of)
        return replace(done, live=live)

    def _saved(self, place: change.Place, given: list[str]) -> tuple[Path, int]:
        """Save a plan, once no alarm stands against it; returns its file and how many changes it makes."""
        plan = ["plan", "-no-color", f"-parallelism={PARALLELISM}", f"-out={self.plan}"]
        run_terraform([*plan, *given, *self.inputs()], self.folder, self.env("deploy"))
        planned = json.loads(self.show("deploy", "show", "-json", str(self.plan)))
        change.demand_silence(place, planned)
        done_by = (resource["change"]["actions"] for resource in planned.get("resource_changes", []))
        return self.plan, sum(len(set(actions) - {"no-op", "read"}) for actions in done_by)

    def promote(self, promoted: models.Models, note: Note) -> Applied:
        """Write the models into the environment's file, and apply."""
        models.write(self.models, promoted)
        return self.apply(note)

    def rollback(self, workload: str, note: Note, version: str = "") -> Applied:
        """Go back to the last good model of a workload, as `make rollback` does."""
        place, present = self.place(note), models.read(self.models)
        chosen = rollback.choose(entries(place.ledger), workload, present.get(workload), version)
        rollback.demand_usable(chosen, place.session)
        loud = change.loud(place, workload)
        models.write(self.models, present | {workload: rollback.promoted_again(chosen)})
        return self.apply(note, {name: present[name] for name in (workload,) if name in present}, loud)

    def live(self, note: Note) -> str:
        """What `make live` says to one who may only look."""
        return change.verified(self.place(note, "plan"))

    def destroy(self, note: Note) -> Applied:
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
