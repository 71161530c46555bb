"""Steps of one instance, from steps that several shared.

A step during which the count changed belongs to no count: its first seconds were served by one fleet and the last ones
by another, and the change itself takes its toll of both. It is left out, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loadtest.capacity.knee import KneeError
from loadtest.capacity.steps import Result, Step
from loadtest.errors import LoadUsageError


def each(result: Result, given: int | None = None) -> tuple[list[Step], list[str]]:
    """Return the steps of a load test as one instance saw them, by rising load, and what must be said about that.

    Parameters
    ----------
    given
        How many shared the load, where the file does not tell or tells wrong.

    Raises
    ------
    KneeError
        The count changed within every step.
    """
    if result.kind != "endpoint":
        return list(result.steps), []
    if given is not None:
        return [_shared(step, _count(given)) for step in result.steps], []
    still = [step for step in result.steps if len(set(step.instances)) <= 1]
    if not still:
        raise KneeError(
            "instances came or went within every step, so none of them tells what one does. "
            "Hold scaling still while you measure (min = max), or make the steps longer"
        )
    notes = [f"left out {_named(step)}: it began with {step.instances[0]} instances and ended with "
             f"{step.instances[-1]}" for step in result.steps if step not in still]  # fmt: skip
    if not any(step.instances for step in still) and result.instances is None:
        notes.append("taken as one instance's: give --instances when several shared the load")
    shared = [_shared(step, step.instances[0] if step.instances else _count(result.instances or 1)) for step in still]
    return sorted(shared, key=lambda step: step.load), notes


def most(steps: Sequence[Step], given: int | None, recorded: int | None) -> int:
    """Return how many instances shared the load at most."""
    return given or max((max(step.instances, default=recorded or 1) for step in steps), default=1)


def _shared(step: Step, count: int) -> Step:
    return replace(
        step,
        offered=None if step.offered is None else step.offered / count,
        users=None if step.users is None else step.users / count,
        rps=step.rps / count,
        seconds=tuple((rps / count, p95) for rps, p95 in step.seconds),
    )


def _named(step: Step) -> str:
    return f"the step of {step.offered:g} requests/s" if step.offered is not None else f"the step of {step.users} users"


def _count(count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise LoadUsageError("instances", count, "give how many instances shared the load, 1 or more")
    return count
