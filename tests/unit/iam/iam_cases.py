"""The documented cases, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
# In C where PyYAML has it: the cases are read whenever tests are collected, once by each worker.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(name: str) -> Any:
    return yaml.load((CASES / name).read_text(), LOADER)  # noqa: S506 (safe, whichever of the two)
