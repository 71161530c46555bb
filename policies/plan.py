"""A resolved plan as the controls see it: resources by type, documents parsed, what belongs to what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

Values = dict[str, Any]
Statement = Mapping[str, Any]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
_ELEMENTS = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"),
}


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
    production: bool = True  # whether people depend on it: the strict reading where nobody says otherwise

    def of(self, *types: str) -> list[Resource]:
        """All resources of these types, in the plan's order."""
        return [resource for resource in self.resources if resource.type in types]

    def where(self, kind: str, **values: Any) -> list[Resource]:
        """Resources of one type whose attributes have these values."""
        return [r for r in self.of(kind) if all(r.values.get(key) == value for key, value in values.items())]


BOOTSTRAP = "bootstrap"  # the plan of what is applied once in an account
WHOLE = "plan"  # the type of the one resource that stands for a plan as a whole


def read_plan(
    document: Mapping[str, Any], environment: str, account: str, region: str, production: bool = True
) -> Plan:
    """The plan in ``terraform show -json``'s form; UnreadableError when anything in it is still open.

    The last resource stands for the plan as a whole: its type is ``plan``, and it holds the data sources that are read.
    """
    resources, data, still_open = [], [], []
    for change in document["resource_changes"]:
        if change["change"]["actions"] == ["delete"]:
            continue
        if change["mode"] != "managed":
            data.append(change["type"])
            continue
        unknown = change["change"].get("after_unknown") or {}
        still_open += [f"{change['address']}.{name}" for name in _open(unknown)]
        resources.append(Resource(change["address"], change["type"], change["change"]["after"]))
    if not resources:
        raise UnreadableError(f"{environment}: the plan holds no resources")
    if still_open:
        some = ", ".join(still_open[:5])
        raise UnreadableError(f"{environment}: {len(still_open)} attributes are known only after an apply: {some}")
    resources.append(Resource(WHOLE, WHOLE, {"data": sorted(set(data))}))
    return Plan(environment, account, region, resources, production)


def _open(unknown: Any, path: str = "") -> Iterator[str]:
    if unknown is True:
        yield path
    elif isinstance(unknown, dict | list):
        for key, value in unknown.items() if isinstance(unknown, dict) else enumerate(unknown):
            yield from _open(value, f"{path}.{key}" if path else str(key))


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
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that says a thing twice says what its reader likes."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


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
    for statement in found:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise UnreadableError(f"a statement that neither allows nor denies: {str(statement)[:60]}")
        if odd := sorted(set(statement) - _ELEMENTS):
            raise UnreadableError(f"a statement with elements that IAM does not know: {', '.join(odd)}")
        if not isinstance(statement.get("Condition") or {}, dict):
            raise UnreadableError("a condition that is no object")
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


def missing(values: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Those of ``names`` that have no value."""
    return [name for name in names if values.get(name) in (None, "", [], {})]
