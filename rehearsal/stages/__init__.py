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

Note = Callable[[str], None]
Outcome = tuple[str, dict[str, Any]]

STAGES = (
    *("start", "synth", "bootstrap", "apply"),
    *("stage", "train", "register", "promote"),
    *("classify", "load", "prove", "destroy"),
)


def perform(name: str, run: Run, note: Note) -> Outcome:
    """Carry out one stage by name."""
    outcome: Outcome = import_module(f"{__name__}.{name}").perform(run, note)
    return outcome
