"""The reasons why a grant stays although no rehearsal uses it: ``policies/unused_grants.yaml``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from rehearsal.prove.roles import Grant
from terraform.command import ROOT

FILE = ROOT / "policies" / "unused_grants.yaml"
SHORTEST_REASON = 30
_KEYS = {"role", "statement", "actions", "reason"}
_OPTIONAL = {"sometimes"}


class ReasonError(Exception):
    """An entry of the file that does not hold; the message names it and says what to do."""


@dataclass(frozen=True)
class Reason:
    """Why some actions of a statement stay. ``role`` may hold ``*`` for an environment or a workload.

    ``sometimes`` where the rehearsals of some workloads use or have what those of others do not.
    """

    role: str
    statement: str
    actions: tuple[str, ...]
    reason: str
    sometimes: bool = False

    def covers(self, grant: Grant) -> bool:
        """Whether this is the reason for a grant."""
        return fnmatchcase(grant.role, self.role) and grant.statement == self.statement and grant.action in self.actions


def read_reasons(path: Path = FILE) -> list[Reason]:
    """Every entry; ReasonError for one without a reason, with another key, or with the same action twice."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    found, seen = [], set()
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) - _OPTIONAL != _KEYS:
            raise ReasonError(f"{path.name}: {entry!r} must have exactly the keys {', '.join(sorted(_KEYS))}")
        name = f"{path.name}: {entry['role']}, statement {entry['statement']}"
        if len(str(entry["reason"] or "").strip()) < SHORTEST_REASON:
            raise ReasonError(f"{name}: write the reason, in {SHORTEST_REASON} characters or more")
        if not isinstance(entry["actions"], list) or not entry["actions"]:
            raise ReasonError(f"{name}: actions must be a list of what stands in the statement")
        for action in entry["actions"]:
            key = (entry["role"], entry["statement"], action)
            if key in seen:
                raise ReasonError(f"{name}: {action} stands there twice")
            seen.add(key)
        if not isinstance(entry.get("sometimes", True), bool):
            raise ReasonError(f"{name}: sometimes must be true or left out")
        reason = " ".join(entry["reason"].split())
        sometimes = entry.get("sometimes", False)
        found.append(Reason(entry["role"], entry["statement"], tuple(entry["actions"]), reason, sometimes))
    return found


def stale(reasons: Iterable[Reason], granted: Iterable[Grant], unused: Iterable[Grant]) -> list[str]:
    """Entries that excuse nothing (any more), a line each with what to do about it."""
    granted, unused = list(granted), list(unused)
    lines = []
    for reason in (one for one in reasons if not one.sometimes):
        for action in reason.actions:
            one = Reason(reason.role, reason.statement, (action,), reason.reason)
            if any(one.covers(grant) for grant in unused):
                continue
            why = "is used now" if any(one.covers(grant) for grant in granted) else "is not granted any more"
            lines.append(f"{reason.role}, statement {reason.statement}, {action}: {why}; delete it from {FILE.name}")
    return lines
