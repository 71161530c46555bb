"""Mutants: every control's breaks, tried on a real plan."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policies.breaks import NothingToBreakError
from policies.control import Control
from policies.plan import Plan, Resource
from policies.scan import scan


@dataclass(frozen=True)
class Outcome:
    """What one mutant made fail that had not failed before."""

    control: str
    way: str
    address: str
    fired: frozenset[str]

    @property
    def killed(self) -> bool:
        """Whether the right control fired."""
        return self.control in self.fired

    @property
    def exact(self) -> bool:
        """Whether nothing else did."""
        return self.fired == {self.control}


def duplicate(plan: Plan) -> Plan:
    """A plan of its own, to be changed."""
    resources = [Resource(r.address, r.type, copy.deepcopy(r.values)) for r in plan.resources]
    return Plan(plan.environment, plan.account, plan.region, resources, plan.production)


def failing(plan: Plan, controls: Sequence[Control]) -> frozenset[tuple[str, str]]:
    """Controls that fail, each with the resource."""
    return frozenset((v.control.id, v.address) for v in scan(plan, controls) if v.faults)


def mutants(plan: Plan, controls: Sequence[Control]) -> Iterator[Outcome]:
    """Break ``plan`` in every way, once each, where it has what the way breaks.

    A control without a subject in the plan is tried on its passing fixture, which stands beside the real resources.
    """
    base = failing(plan, controls)
    for control in controls:
        for way in control.breaks:
            yield from _one(plan, controls, control, way, base)


def _one(
    plan: Plan, controls: Sequence[Control], control: Control, way: str, base: frozenset[tuple[str, str]]
) -> Iterator[Outcome]:
    for place in range(len(control.subjects(plan))):
        broken = duplicate(plan)
        subject = control.subjects(broken)[place]
        if (control.id, subject.address) in base:
            continue
        try:
            control.breaks[way](subject, broken)
        except NothingToBreakError:
            continue
        fired = {name for name, _ in failing(broken, controls) - base}
        yield Outcome(control.id, way, subject.address, frozenset(fired))
        return
    yield from _on_fixture(controls, control, way)


def _on_fixture(controls: Sequence[Control], control: Control, way: str) -> Iterator[Outcome]:
    whole = control.passing()
    try:
        before = failing(whole, controls)
        broken = control.failing()[way]
    except NothingToBreakError:
        return
    after = failing(broken, controls)
    yield Outcome(control.id, way, f"{control.id} fixture", frozenset(name for name, _ in after - before))
