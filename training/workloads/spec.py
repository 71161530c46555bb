"""Reads `workload.yaml`: the one place that says what a workload is.

The published JSON Schema decides about shape and ranges, so that an editor and this loader agree; what a schema cannot
say (a default inside its own range, a gate on a metric that exists) is checked here.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any

import jsonschema
import yaml

from training.errors import SpecError
from training.workloads.checks import check
from training.workloads.description import Value, Workload
from training.workloads.values import hyperparameter_strings, meant, resolve_hyperparameters

__all__ = [
    "Value",
    "Workload",
    "hyperparameter_strings",
    "load",
    "names",
    "parse",
    "resolve_hyperparameters",
    "together",
]

WORKLOADS = Path(__file__).resolve().parent
SCHEMA_FILE = WORKLOADS / "workload.schema.json"


def names(root: Path = WORKLOADS) -> list[str]:
    """Names of all workloads, sorted."""
    return sorted(path.parent.name for path in root.glob("*/workload.yaml"))


def load(name: str, root: Path = WORKLOADS) -> Workload:
    """Read and check one workload.

    Raises
    ------
    SpecError
        There is no such workload, or its file is wrong.
    """
    path = root / name / "workload.yaml"
    if name not in names(root):
        known = ", ".join(names(root)) or "none"
        raise SpecError("workload", name, f"no {path.name} for it; known: {known}{meant(name, names(root))}")
    workload = parse(path.read_text(encoding="utf-8"), where=f"{name}/workload.yaml")
    if workload.name != name:
        raise SpecError("name", workload.name, f"must be its folder's name, {name!r}")
    return workload


def parse(text: str, where: str = "workload.yaml") -> Workload:
    """Check the text of a `workload.yaml` and return what it describes.

    Raises
    ------
    SpecError
        Not YAML, a key or value the schema refuses, or two facts that contradict each other.
    """
    try:
        # A SafeLoader that refuses doubled keys; yaml.safe_load would silently keep the last one.
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise SpecError(where, " ".join(str(error).split()), "is not valid YAML; mend the line it names") from None
    first = min(_schema_errors(document), key=lambda error: (len(error.path), str(error.path)), default=None)
    if first is not None:
        raise _explain(first)
    workload: Workload = _build(Workload, document)
    check(workload)
    return workload


def together(workload: Workload, root: Path = WORKLOADS) -> list[Workload]:
    """A workload behind the companions that it cannot do without: the order in which they are brought up.

    A training job, which sees its own workload alone, has no use for the others.

    Raises
    ------
    SpecError
        One of them is no workload, or wrong.
    """
    others = [known for known in names(root) if known != workload.name]
    for companion in workload.companions:
        if companion not in others:
            raise SpecError("companions", companion, f"must be another workload; known: {', '.join(others) or 'none'}")
    return [*(load(name, root) for name in workload.companions), workload]


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


@cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _schema_errors(document: object) -> list[jsonschema.ValidationError]:
    return list(_validator().iter_errors(document))


def _explain(error: Any) -> SpecError:
    """Turn a schema error into key, value and remedy; the schema's descriptions are the remedies."""
    path = [str(part) for part in error.absolute_path]
    field = ".".join(path) or "workload.yaml"
    says = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    if error.validator == "additionalProperties":
        allowed = list(error.schema["properties"])
        key = next(key for key in error.instance if key not in allowed)
        remedy = f"unknown key; known: {', '.join(allowed)}{meant(key, allowed)}"
        return SpecError(".".join([*path, str(key)]), error.instance[key], remedy)
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        about = error.schema.get("properties", {}).get(missing, {}).get("description", "")
        return SpecError(".".join([*path, missing]), None, f"is missing; add it. {about}".strip())
    if error.validator == "type":
        wanted = error.validator_value
        wanted = wanted if isinstance(wanted, str) else " or ".join(wanted)
        return SpecError(field, error.instance, f"must be of type {wanted}. {says}".strip())
    return SpecError(field, error.instance, f"{_rule(error)}. {says}".strip())


def _rule(error: Any) -> str:
    limit = error.validator_value
    rules = {
        "minimum": f"must be at least {limit}",
        "exclusiveMinimum": f"must be greater than {limit}",
        "maximum": f"must be at most {limit}",
        "enum": f"must be one of {limit}",
        "pattern": f"must match {limit}",
        "minItems": f"needs at least {limit} entries",
        "uniqueItems": "must not hold an entry twice",
    }
    return rules.get(str(error.validator), error.message)


def _build(kind: Any, value: Any) -> Any:
    """Make the dataclass tree from plain YAML values already checked by the schema."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _build(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return {key: _build(arguments[1], item) for key, item in value.items()}
    if origin is tuple:
        return tuple(_build(arguments[0], item) for item in value)
    if origin is UnionType and value is not None and arguments[-1] is type(None):
        return _build(arguments[0], value)
    return value
