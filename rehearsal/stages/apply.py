"""Terraform, with HashiCorp's own provider, builds the environment; a second plan must have nothing to do."""

from __future__ import annotations

import time

from rehearsal.account import Bootstrap
from rehearsal.environment import Environment
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome


def perform(run: Run, note: Note) -> Outcome:
    environment = Environment(run)
    account = Bootstrap(run)
    note("terraform apply")
    with account.rest():
        applied = environment.apply(note)
    note("second plan")
    begin = time.monotonic()
    demand_empty_plan(environment)
    plan_seconds = time.monotonic() - begin
    by_type = environment.resources()
    evidence = f"{sum(by_type.values())} resources, second plan empty"
    return evidence, {
        "resources": sum(by_type.values()),
        "by_type": by_type,
        "bootstrap": account.resources(),
        "apply_seconds": applied.seconds,
        "plan_seconds": plan_seconds,
        "second_plan": "empty",
        "outputs": environment.outputs(),
    }


def demand_empty_plan(environment: Environment) -> None:
    """RehearsalError with the addresses when Terraform would change what it has just applied."""
    if not environment.plan_is_empty():
        raise RehearsalError("the second plan is not empty:\n  " + "\n  ".join(environment.planned_changes()))
