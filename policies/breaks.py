"""Small edits that break a planned resource, for fixtures and mutants."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from policies.control import Break
from policies.plan import Plan, Resource, called

Edit = Callable[[Any], None]
_GONE = object()


class NothingToBreakError(Exception):
    """The resource does not have what the edit would break, so it is no mutant."""


def put(path: str, value: Any) -> Break:
    """Set an attribute; ``path`` is dotted, with numbers for members of lists."""
    return lambda resource, _: set_at(resource.values, path, value)


def drop(path: str) -> Break:
    """Remove an attribute that is there."""
    return lambda resource, _: set_at(resource.values, path, _GONE)


def set_at(values: Any, path: str, value: Any) -> None:
    """Set (or remove) what lies at ``path``; NothingToBreakError when its parent is missing or it is so already."""
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            raise NothingToBreakError(path) from None
        if values is None:
            raise NothingToBreakError(path)
    present = last in values if isinstance(values, dict) else isinstance(last, int) and last < len(values)
    before = values[last] if present else None
    if before == value or (value is _GONE and before in (None, "", [], {})):
        raise NothingToBreakError(path)
    if value is _GONE:
        del values[last]
    else:
        values[last] = value


def in_document(attribute: str, edit: Edit) -> Break:
    """Edit the JSON document in an attribute."""

    def change(resource: Resource, _: Plan) -> None:
        text = resource.values.get(attribute)
        if not text:
            raise NothingToBreakError(attribute)
        parsed = json.loads(text)
        edit(parsed)
        after = json.dumps(parsed)
        if json.loads(text) == parsed:
            raise NothingToBreakError(attribute)
        resource.values[attribute] = after

    return change


def grant(action: str | list[str], resources: str | list[str] = "*", **more: Any) -> Break:
    """Add an Allow statement to a policy."""
    statement = {"Sid": "Mutant", "Effect": "Allow", "Action": action, "Resource": resources, **more}
    return in_document("policy", lambda doc: doc["Statement"].append(statement))


def without_statements(chosen: Callable[[Mapping[str, Any]], bool], attribute: str = "policy") -> Break:
    """Remove the statements that are chosen."""

    def edit(doc: Any) -> None:
        doc["Statement"] = [s for s in doc["Statement"] if not chosen(s)]
        if not doc["Statement"]:
            neutral = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"}
            doc["Statement"] = [neutral]

    return in_document(attribute, edit)


def each_statement(
    edit: Callable[[dict[str, Any]], object],
    chosen: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    attribute: str = "policy",
) -> Break:
    """Edit every statement that is chosen; there has to be one."""

    def whole(doc: Any) -> None:
        found = [s for s in doc["Statement"] if chosen(s)]
        if not found:
            raise NothingToBreakError(attribute)
        for statement in found:
            edit(statement)

    return in_document(attribute, whole)


def in_task(path: str, value: Any, *calls: str, gone: bool = False) -> Break:
    """Set or remove what lies at ``path`` in the first task that calls one of ``calls`` (default: the first task)."""

    def edit(doc: Any) -> None:
        for state in _all_states(doc):
            if state.get("Type") == "Task" and (not calls or called(state) in calls):
                set_at(state, path, _GONE if gone else value)
                return
        raise NothingToBreakError(str(calls))

    return in_document("definition", edit)


def _all_states(node: Any) -> list[dict[str, Any]]:
    found = []
    for state in node.get("States", {}).values():
        found.append(state)
        for inner in [state.get("ItemProcessor"), *(state.get("Branches") or [])]:
            found += _all_states(inner) if inner else []
    return found


def add(kind: str, **values: Any) -> Break:
    """Plan one more resource."""
    return lambda _, plan: plan.resources.append(Resource(f"{kind}.mutant", kind, values))


def remove(kind: str, chosen: Callable[[Resource, Resource], bool] = lambda *_: True) -> Break:
    """Remove the resources of a type that ``chosen(candidate, subject)`` picks; there has to be one."""

    def change(resource: Resource, plan: Plan) -> None:
        gone = [r for r in plan.of(kind) if chosen(r, resource)]
        if not gone:
            raise NothingToBreakError(kind)
        plan.resources = [r for r in plan.resources if not any(r is other for other in gone)]

    return change


def elsewhere(kind: str, change: Break, chosen: Callable[[Resource, Resource], bool] = lambda *_: True) -> Break:
    """Break the first resource of another type that ``chosen(candidate, subject)`` picks."""

    def whole(resource: Resource, plan: Plan) -> None:
        for other in plan.of(kind):
            if chosen(other, resource):
                change(other, plan)
                return
        raise NothingToBreakError(kind)

    return whole
