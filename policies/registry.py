"""Every control, loaded from its own file; one that is lost is an error."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache
from pathlib import Path

from policies.control import SEVERITIES, Control
from policies.standards import STANDARDS

FOLDER = Path(__file__).resolve().parent / "controls"
EXPECTED = FOLDER / "ids.txt"


class RegistryError(Exception):
    """The set of controls is not the one that was agreed on."""


@cache
def controls() -> tuple[Control, ...]:
    """All controls by id; RegistryError when ids.txt and the files differ, or metadata is missing."""
    loaded = []
    for path in sorted(FOLDER.glob("slip_*.py")):
        module = importlib.import_module(f"policies.controls.{path.stem}")
        control = getattr(module, "CONTROL", None)
        if not isinstance(control, Control):
            raise RegistryError(f"{path.name}: defines no CONTROL")
        loaded.append(replace(control, id=path.stem.upper()))
    expected = EXPECTED.read_text().split()
    found = [control.id for control in loaded]
    if expected != found:
        differing = sorted(set(expected) ^ set(found)) or "in another order"
        raise RegistryError(f"{EXPECTED.name} and the files in {FOLDER.name} differ: {differing}")
    for control in loaded:
        if control.severity not in SEVERITIES:
            raise RegistryError(f"{control.id}: severity {control.severity!r} is none of {', '.join(SEVERITIES)}")
        if unknown := [source for source in control.sources if source not in STANDARDS]:
            raise RegistryError(f"{control.id}: sources {unknown} are not in policies/standards.py")
        if not (control.reason and control.remedy and control.breaks):
            raise RegistryError(f"{control.id}: a reason, a remedy or a failing fixture is missing")
    return tuple(loaded)
