"""Modules that take long to import, for tests that use them."""

from __future__ import annotations

import importlib
from typing import Any


class Lazily:
    """Stands for a module and imports it when it is first used.

    Every worker of pytest-xdist imports every test, to know its name, but only one of them runs it.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
