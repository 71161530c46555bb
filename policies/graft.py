"""Two plans of one configuration made into one: what the first knows, and what only the second could render."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.standins import stand_ins

Json = dict[str, Any]
_RANDOM = re.compile(r"[a-z0-9]{8}")  # within blocks nothing tells which attributes the code sets


class ResolveError(Exception):
    """The plan could not be resolved, so nothing can be said about the environment."""


def graft(plan: Json, rendered: Mapping[str, Any], account: str, region: str) -> Json:
    """``plan`` with what ``rendered`` adds to it; ResolveError when the two do not hold the same resources.

    Terraform makes up a random word for what nobody set and nothing refers to; here it stays open (None).
    """
    configured = dict(_configured(plan["configuration"]["root_module"]))
    added = {change["address"]: change["change"] for change in rendered["resource_changes"]}
    for change in plan["resource_changes"]:
        if change["mode"] == "data":
            continue
        new = added.get(change["address"])
        if new is None:
            raise ResolveError(f"{change['address']} is in the plan and not in the rendered one")
        own = change["change"]
        meant = {*stand_ins(change, account, region), *configured.get(_plain(change["address"]), ())}
        own["after_unknown"] = {
            name: unknown for name, unknown in own["after_unknown"].items() if unknown is not True or name in meant
        }
        own["after"] = _fill(own.get("after"), own.get("after_unknown"), new.get("after"))
        own["after_unknown"] = new.get("after_unknown") or {}
    values = {change["address"]: change["change"]["after"] for change in plan["resource_changes"]}
    for resource in _resources(plan["planned_values"]["root_module"]):
        if resource["address"] in values:
            resource["values"] = values[resource["address"]]
    return plan


def part(plan: Mapping[str, Any], name: str) -> Json:
    """What lies in the child module ``name`` of a plan, as a plan of its own with that module as its root."""
    prefix = f"module.{name}."
    whole: Json = {"format_version": plan["format_version"], "terraform_version": plan["terraform_version"]}
    whole["resource_changes"] = [
        change | {"address": change["address"].removeprefix(prefix)} | _module(change, prefix)
        for change in plan["resource_changes"]
        if change["address"].startswith(prefix)
    ]
    children = plan["planned_values"]["root_module"].get("child_modules", [])
    root: Json = next((child for child in children if child["address"] == prefix[:-1]), {})
    _strip(root, prefix)
    configuration = plan["configuration"]
    whole["planned_values"] = {"root_module": {key: value for key, value in root.items() if key != "address"}}
    whole["configuration"] = {
        "provider_config": {
            key.removeprefix(f"module.{name}:"): value
            for key, value in configuration.get("provider_config", {}).items()
            if key.startswith((f"module.{name}:", prefix))
        },
        "root_module": configuration["root_module"]["module_calls"][name]["module"],
    }
    return whole


def _module(change: Mapping[str, Any], prefix: str) -> Json:
    inner = change.get("module_address", "").removeprefix(prefix)
    return {"module_address": "" if inner == prefix[:-1] else inner}


def _strip(module: Json, prefix: str) -> None:
    for child in module.get("child_modules", []):
        child["address"] = child["address"].removeprefix(prefix)
        _strip(child, prefix)
    for resource in module.get("resources", []):
        resource["address"] = resource["address"].removeprefix(prefix)


def _configured(module: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Addresses without indexes, and the attributes that the code sets."""
    for resource in module.get("resources", []):
        yield prefix + resource["address"], set(resource.get("expressions", {}))
    for name, call in module.get("module_calls", {}).items():
        yield from _configured(call["module"], f"{prefix}module.{name}.")


def _plain(address: str) -> str:
    return re.sub(r"\[[^\]]*\]", "", address)


def _fill(known: Any, unknown: Any, rendered: Any, depth: int = 0) -> Any:
    if unknown is True:
        return None if depth > 1 and _RANDOM.fullmatch(str(rendered)) else rendered
    if isinstance(known, dict) and isinstance(unknown, dict):
        keys = {*known, *(key for key, value in unknown.items() if value)}
        other = rendered if isinstance(rendered, dict) else {}
        return {key: _fill(known.get(key), unknown.get(key), other.get(key), depth + 1) for key in sorted(keys)}
    if isinstance(known, list) and isinstance(unknown, list):
        other_list = rendered if isinstance(rendered, list) else []
        longer = max(len(known), len(unknown))
        padded = [(half[i] if i < len(half) else None) for half in (known, unknown, other_list) for i in range(longer)]
        return [_fill(padded[i], padded[longer + i], padded[2 * longer + i], depth + 1) for i in range(longer)]
    return known


def _resources(module: Mapping[str, Any]) -> Iterator[Json]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)
