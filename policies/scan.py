"""Judge resolved plans by the controls. What cannot be read has failed; what was skipped has a reason and an end."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from policies.control import Control
from policies.plan import Plan

SHORTEST_REASON = 20
LONGEST = datetime.timedelta(days=366)
_FIELDS = ("control", "environment", "resource", "reason", "expires", "only")


class WaiverError(Exception):
    """A waiver without reason or end, past its end, or for something that is no longer found."""


@dataclass(frozen=True)
class Verdict:
    """One control's judgement of one resource; no faults = passed."""

    control: Control
    environment: str
    address: str
    faults: tuple[str, ...]
    waived: str = ""

    @property
    def outcome(self) -> str:
        """passed, failed or skipped."""
        if not self.faults:
            return "passed"
        return "skipped" if self.waived else "failed"


@dataclass(frozen=True)
class Waiver:
    """A known finding that may stand until a day."""

    control: str
    environment: str
    resource: str
    reason: str
    expires: datetime.date
    only: tuple[str, ...]

    def holds(self, faults: Sequence[str]) -> bool:
        """Whether it is about these faults: each begins as one that was decided on, and none of those is gone."""
        found = all(fault.startswith(self.only) for fault in faults)
        return found and all(any(fault.startswith(text) for fault in faults) for text in self.only)


def scan(plan: Plan, controls: Iterable[Control]) -> list[Verdict]:
    """Every control's judgement of every resource it applies to."""
    verdicts = []
    for control in controls:
        for resource in plan.of(*control.types):
            faults = control.faults(resource, plan)
            if faults is not None:
                verdicts.append(Verdict(control, plan.environment, resource.address, faults))
    return verdicts


def never_evaluated(verdicts: Sequence[Verdict], controls: Iterable[Control]) -> list[str]:
    """Controls that judged nothing anywhere although the environments should hold such resources."""
    count = Counter(verdict.control.id for verdict in verdicts)
    return [control.id for control in controls if not count[control.id] and not control.unused]


def read_waivers(entries: Sequence[Mapping[str, Any]], today: datetime.date) -> list[Waiver]:
    """The waivers of waivers.yaml; WaiverError for one that does not hold."""
    waivers = []
    for entry in entries:
        name = f"{entry.get('control')} at {entry.get('resource')}"
        if len(str(entry.get("reason") or "")) < SHORTEST_REASON:
            raise WaiverError(f"waiver of {name}: write the reason, in {SHORTEST_REASON} characters or more")
        if not isinstance(entry.get("expires"), datetime.date):
            raise WaiverError(f"waiver of {name}: add the day it ends, such as expires: 2030-01-31")
        if entry["expires"] < today:
            raise WaiverError(f"waiver of {name}: ended on {entry['expires']}; correct the finding, or decide anew")
        if entry["expires"] > today + LONGEST:
            raise WaiverError(f"waiver of {name}: ends on {entry['expires']}, in more than {LONGEST.days} days")
        if not entry.get("only") or not all(isinstance(text, str) and text for text in entry["only"]):
            raise WaiverError(f"waiver of {name}: add `only`, how each fault begins that may stand")
        if odd := sorted(set(entry) ^ set(_FIELDS)):
            raise WaiverError(f"waiver of {name}: fields that are missing or not known: {', '.join(odd)}")
        waivers.append(Waiver(**{**entry, "only": tuple(entry["only"])}))
    return waivers


def apply_waivers(verdicts: Sequence[Verdict], waivers: Sequence[Waiver]) -> list[Verdict]:
    """Verdicts with the waived ones marked; WaiverError for a waiver that nothing needs any more."""
    known = {(w.control, w.environment, w.resource): w for w in waivers}
    used = set()
    marked = []
    for verdict in verdicts:
        key = (verdict.control.id, verdict.environment, verdict.address)
        waived = key in known and known[key].holds(verdict.faults)
        if waived:
            used.add(key)
        marked.append(replace(verdict, waived=known[key].reason) if waived else verdict)
    if gone := sorted(set(known) - used):
        raise WaiverError(f"waivers that match no finding, so delete them: {gone}")
    return marked
