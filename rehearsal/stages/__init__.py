"""The rehearsal's stages, in order, one file each.

A stage is a module with ``perform(run, note) -> (evidence, data)``: ``evidence`` is the one line that a person reads,
``data`` is what the report and later stages read, and ``note`` shows what is going on meanwhile. A stage that cannot
vouch for its result raises; it never returns a doubtful one.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from rehearsal.run import Run
from training.workloads.description import Workload

Note = Callable[[str], None]
Outcome = tuple[str, dict[str, Any]]

STAGES = (
    *("start", "synth", "bootstrap", "apply"),
    *("stage", "tune", "train", "register", "promote"),
    *("classify", "assess", "load", "prove", "destroy"),
)
"""All there are, in order; a workload goes through those that fit it."""

USES = {"classify_images": "classify", "assess_claims": "assess"}
"""What follows the promotion, by the definition of the workflow."""


def stages_of(workload: Workload) -> tuple[str, ...]:
    """The stages that a workload goes through."""
    left_out = set(USES.values()) - ({USES[workload.workflow.definition]} if workload.workflow else set())
    if not workload.training.tuning:
        left_out.add("tune")
    return tuple(name for name in STAGES if name not in left_out)


def for_each(run: Run, of: Callable[[Workload], Outcome]) -> Outcome:
    """Do the same for every workload that is rehearsed, companions first; theirs lies apart in the data."""
    found = {workload.name: of(workload) for workload in run.workloads}
    evidence, data = found.pop(run.options.workload)
    if found:
        data["companions"] = {name: theirs for name, (_, theirs) in found.items()}
        evidence = "; ".join([*(said for said, _ in found.values()), evidence])
    return evidence, data


def perform(name: str, run: Run, note: Note) -> Outcome:
    """Carry out one stage by name."""
    outcome: Outcome = import_module(f"{__name__}.{name}").perform(run, note)
    return outcome
