"""The committed extract of the Service Authorization Reference (see :mod:`.generate`)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TypedDict


class Service(TypedDict):
    """Actions with their resource types (True: required), ARN templates by type, condition keys, and of the keys that
    parameters fill here the actions that have them.
    """

    actions: dict[str, dict[str, int]]
    arns: dict[str, str]
    keys: list[str]
    listed: dict[str, list[str]]


@lru_cache(maxsize=1)
def reference() -> dict[str, Service]:
    """Return everything by IAM prefix, such as ``s3`` or ``states``."""
    path = Path(__file__).parent / "data" / "reference.json"
    table: dict[str, Service] = json.loads(path.read_text(encoding="utf-8"))
    return table


@lru_cache(maxsize=4096)
def find_action(action: str) -> tuple[str, dict[str, int]] | None:
    """Return an action as AWS writes it and its resource types; None when the reference does not list it."""
    prefix, _, name = action.partition(":")
    actions = reference()[prefix]["actions"] if prefix in reference() else {}
    if name in actions:
        return action, actions[name]
    for known, kinds in actions.items():
        if known.lower() == name.lower():
            return f"{prefix}:{known}", kinds
    return None


@lru_cache(maxsize=4096)
def has_key(action: str, key: str) -> bool:
    """Whether AWS fills a condition key for an action; keys without a list are filled for all."""
    prefix, _, name = action.partition(":")
    lists = _lists().get(key.lower())
    return lists is None or (prefix, name) in lists


@lru_cache(maxsize=1)
def _lists() -> dict[str, frozenset[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for prefix, service in reference().items():
        for key, names in service["listed"].items():
            found.setdefault(key, set()).update((prefix, name) for name in names)
    return {key: frozenset(pairs) for key, pairs in found.items()}
