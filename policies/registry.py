"""Every control, loaded from its own file; one that is lost is an error."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

from policies.control import SEVERITIES, Control
from policies.standards import STANDARDS

FOLDER = Path(__file__).resolve().parent / "controls"
EXPECTED = FOLDER / "ids.txt"


class RegistryError(Exception):
    """The set of controls is not the one that was agreed on."""


@cache
def controls() -> tuple[Control, ...]:
    """All controls by id; see ``load``."""
    return load()


def load() -> tuple[Control, ...]:
    """Read the controls; RegistryError when one cannot be loaded, metadata is missing, or ids.txt names others."""
    loaded = []
    for path in sorted(FOLDER.glob("slip_*.py")):
        control = getattr(_module(path), "CONTROL", None)
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


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"policies.controls.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RegistryError(f"{path.name}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module.__name__]
        raise RegistryError(f"{path.name}: cannot be loaded: {error!r}") from error
    return module
