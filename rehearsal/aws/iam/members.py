"""Values inside the parameters of a call."""

from __future__ import annotations

from typing import Any


def members(parameters: Any, path: str) -> list[Any]:
    """Return the values at a dotted path; lists are walked, the case of names does not count, absent is []."""
    found = [parameters]
    for name in path.split("."):
        inner = [
            value
            for item in found
            if isinstance(item, dict)
            for key, value in item.items()
            if key.lower() == name.lower() and value is not None
        ]
        found = [value for item in inner for value in (item if isinstance(item, list) else [item])]
    return found
