"""A resolved plan as the controls see it: resources by type, documents parsed, what belongs to what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

PRODUCTION = "prod"
Values = dict[str, Any]
Statement = Mapping[str, Any]


class UnreadableError(Exception):
    """Something that a control must read is missing or has no known form: the control counts as failed."""


@dataclass
class Resource:
    """One planned resource; ``values`` as the provider's schema has them, blocks as lists."""

    address: str
    type: str
    values: Values

    def block(self, name: str) -> Values:
        """The first block of this name, {} when there is none."""
        return first(self.values.get(name))


@dataclass
class Plan:
    """An environment's managed resources, with its account and region."""

    environment: str
    account: str
    region: str
    resources: list[Resource] = field(default_factory=list)

    def of(self, *types: str) -> list[Resource]:
        """All resources of these types, in the plan's order."""
        return [resource for resource in self.resources if resource.type in types]

    def where(self, kind: str, **values: Any) -> list[Resource]:
        """Resources of one type whose attributes have these values."""
        return [r for r in self.of(kind) if all(r.values.get(key) == value for key, value in values.items())]

    @property
    def production(self) -> bool:
        """Whether people depend on this environment."""
        return self.environment == PRODUCTION


def read_plan(document: Mapping[str, Any], environment: str, account: str, region: str) -> Plan:
    """The plan in ``terraform show -json``'s form; UnreadableError when anything in it is still open."""
    resources = []
    for change in document["resource_changes"]:
        if change["mode"] != "managed" or change["change"]["actions"] == ["delete"]:
            continue
        resources.append(Resource(change["address"], change["type"], change["change"]["after"]))
    if not resources:
        raise UnreadableError(f"{environment}: the plan holds no resources")
    return Plan(environment, account, region, resources)


def first(block: Any) -> Values:
    """The only member of a block list, {} when there is none."""
    if isinstance(block, dict):
        return block
    return block[0] if isinstance(block, list) and block and isinstance(block[0], dict) else {}


def listed(value: Any) -> list[Any]:
    """IAM and Terraform write one thing as itself or as a list of one."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Any:
    return json.loads(text)


def document(value: Any) -> dict[str, Any]:
    """A JSON document in an attribute; UnreadableError when it is none."""
    try:
        parsed = _parsed(value)
    except (TypeError, ValueError):
        raise UnreadableError(f"not a JSON document: {str(value)[:60]!r}") from None
    if not isinstance(parsed, dict):
        raise UnreadableError(f"not a JSON object: {str(value)[:60]!r}")
    return parsed


def statements(value: Any, effect: str | None = None) -> list[Statement]:
    """The statements of a policy document, of one effect or all."""
    found = listed(document(value).get("Statement"))
    if not found:
        raise UnreadableError("a policy without a statement")
    return [s for s in found if effect in (None, s.get("Effect"))]


def conditions(statement: Statement) -> dict[tuple[str, str], list[str]]:
    """Values by operator and key, both in lower case: IAM tells no cases apart in either."""
    return {
        (operator.lower(), key.lower()): [str(value) for value in listed(values)]
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, values in keys.items()
    }


def condition_keys(statement: Statement) -> set[str]:
    """The condition keys of a statement in lower case, whatever their operator."""
    return {key for _, key in conditions(statement)}


def actions(statement: Statement) -> list[str]:
    """The actions of a statement in lower case."""
    return [str(action).lower() for action in listed(statement.get("Action"))]


def anyone(statement: Statement) -> bool:
    """Whether the principal of a statement is everybody."""
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, dict) and "*" in listed(principal.get("AWS")))


def services(statement: Statement) -> list[str]:
    """The service principals of a statement."""
    principal = statement.get("Principal")
    return listed(principal.get("Service")) if isinstance(principal, dict) else []


def role_statements(resource: Resource, effect: str | None = "Allow") -> list[Statement]:
    """What an inline or managed policy says."""
    return statements(resource.values.get("policy"), effect)


def states(machine: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each state of a state machine with its name, those within Map and Parallel too."""
    yield from _states(document(machine.values.get("definition")))


def _states(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(node.get("States"), dict):
        raise UnreadableError("a state machine without states")
    for name, state in node["States"].items():
        yield name, state
        for inner in [state.get("ItemProcessor"), state.get("Iterator"), *listed(state.get("Branches"))]:
            if inner:
                yield from _states(inner)


def tasks(machine: Resource, *calls: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Task states with their names; only those that call one of ``calls``, such as sagemaker:createTrainingJob."""
    return [
        (name, state)
        for name, state in states(machine)
        if state.get("Type") == "Task" and (not calls or called(state) in calls)
    ]


def called(state: Mapping[str, Any]) -> str:
    """service:operation of a task's optimised integration, without its .sync or .waitForTaskToken."""
    parts = str(state.get("Resource", "")).split(":")
    return ":".join(parts[-2:]).split(".")[0] if len(parts) > 6 else str(state.get("Resource", ""))


def arguments(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a task hands over, in JSONPath's or JSONata's spelling."""
    given: Mapping[str, Any] = state.get("Parameters") or state.get("Arguments") or {}
    return given


def missing(values: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Those of ``names`` that have no value."""
    return [name for name in names if values.get(name) in (None, "", [], {})]
