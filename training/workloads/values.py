"""Hyperparameters: from what people and SageMaker write to values of the declared types, within the declared ranges."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

from training.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from training.workloads.description import Hyperparameter, Value, Workload


def resolve_hyperparameters(workload: Workload, given: Mapping[str, object] | None = None) -> dict[str, Value]:
    """Defaults overlaid with given values, each converted to its type and held to its range.

    Parameters
    ----------
    given
        Values by name; strings are accepted for every type, as SageMaker passes nothing else.

    Raises
    ------
    SpecError
        An unknown name, a value of the wrong type, or one out of range.
    """
    known = workload.training.hyperparameters
    values = {name: parameter.default for name, parameter in known.items()}
    for name, raw in (given or {}).items():
        field = f"hyperparameters.{name}"
        if name not in known:
            raise SpecError(field, raw, f"unknown; known: {', '.join(known)}{meant(name, known)}")
        values[name] = convert(field, known[name], raw)
    return values


def hyperparameter_strings(workload: Workload, given: Mapping[str, object] | None = None) -> dict[str, str]:
    """The same, as SageMaker's map of strings."""
    return {name: _as_string(value) for name, value in resolve_hyperparameters(workload, given).items()}


def convert(field: str, parameter: Hyperparameter, raw: object) -> Value:
    """A value of the declared type, held to the declared range; SpecError for another."""
    value = _typed(field, parameter.type, raw)
    if parameter.choices is not None and value not in parameter.choices:
        choices = ", ".join(parameter.choices)
        raise SpecError(field, raw, f"must be one of {choices}{meant(value, parameter.choices)}")
    if parameter.type in {"integer", "number"}:
        low = -math.inf if parameter.min is None else parameter.min
        high = math.inf if parameter.max is None else parameter.max
        # Written so that NaN, which compares false with everything, is refused.
        if not low <= float(value) <= high:
            raise SpecError(field, raw, f"must lie between {low} and {high}")
    return value


def _typed(field: str, kind: str, raw: object) -> Value:
    try:
        if kind == "boolean":
            return {"true": True, "false": False}[str(raw).lower()]
        if kind == "string":
            return str(raw)
        if isinstance(raw, bool):
            raise ValueError
        if kind == "integer":
            return raw if isinstance(raw, int) else int(str(raw))
        return float(str(raw))
    except (KeyError, ValueError):
        example = {"boolean": "true or false", "integer": "a whole number such as 8", "number": "a number such as 0.01"}
        raise SpecError(field, raw, f"must be {example[kind]}") from None


def _as_string(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def meant(word: object, known: Iterable[str]) -> str:
    """A question with the known name that is most like the given one; empty where none is."""
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f". Did you mean {near[0]}?" if near else ""
