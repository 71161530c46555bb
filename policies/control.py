"""What a control is, and how one is judged."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.plan import Plan, Resource, UnreadableError

Check = Callable[[Resource, Plan], Iterable[str]]
Applies = Callable[[Resource, Plan], bool]
Break = Callable[[Resource, Plan], None]
Fixture = Sequence[tuple[str, Mapping[str, Any]]]

SEVERITIES = ("critical", "high", "medium", "low")
ACCOUNT = "111122223333"
REGION = "eu-west-1"


def always(_: Resource, __: Plan) -> bool:
    """Applies to every resource of its types."""
    return True


def in_production(_: Resource, plan: Plan) -> bool:
    """Applies where people depend on the environment."""
    return plan.production


@dataclass(frozen=True)
class Control:
    """One demand on planned resources.

    Attributes
    ----------
    types
        Resource types that are looked at, one by one.
    check
        Yields what is wrong with one resource, in words; nothing when it is right.
    good
        A passing fixture: resources, the one that is judged first.
    breaks
        Ways to break it, by name. Each makes a failing fixture of ``good``, and a mutant of every real plan.
    sources
        Ids from ``policies.standards``.
    applies
        Narrows ``types`` down.
    refuses
        Resource types that it wants nowhere.
    unused
        Why no environment has such a resource; without it one that is never evaluated fails the gate.
    """

    title: str
    severity: str
    reason: str
    remedy: str
    types: tuple[str, ...]
    check: Check
    good: Fixture
    breaks: Mapping[str, Break]
    sources: tuple[str, ...] = ()
    applies: Applies = always
    refuses: tuple[str, ...] = ()
    unused: str = ""
    id: str = field(default="", compare=False)

    def subjects(self, plan: Plan) -> list[Resource]:
        """The resources of ``plan`` that this control judges; one that cannot be read is among them, and will fail."""
        return [resource for resource in plan.of(*self.types) if self.faults(resource, plan) is not None]

    def faults(self, resource: Resource, plan: Plan) -> tuple[str, ...] | None:
        """What is wrong with a resource of these types; None when the control does not apply to it."""
        try:
            return tuple(self.check(resource, plan)) if self.applies(resource, plan) else None
        except UnreadableError as error:
            return (f"unreadable: {error}",)

    def passing(self) -> Plan:
        """The passing fixture as a plan."""
        counts = range(len(self.good))
        resources = [
            Resource(f"{kind}.fixture_{number}", kind, copy.deepcopy(dict(values)))
            for number, (kind, values) in zip(counts, self.good, strict=True)
        ]
        return Plan("prod", ACCOUNT, REGION, resources)

    def failing(self) -> dict[str, Plan]:
        """The failing fixtures by the name of what was broken."""
        broken = {}
        for name, change in self.breaks.items():
            broken[name] = self.passing()
            change(broken[name].resources[0], broken[name])
        return broken
