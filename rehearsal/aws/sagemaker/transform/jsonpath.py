"""The part of JSONPath that the filters of batch transform know.

``$``, ``.name``, ``*``, ``['name', ...]``, ``[0, ...]`` and ``[start:end]``; brackets may be mixed lists of indices and
slices, as in ``$[0,5:]``.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(r"\.?\[(?P<inside>[^\]]*)\]|\.(?P<name>[^.\[\]*'\"\s]+)|(?P<all>\.\*)")
_NAME = re.compile(r"\s*(?:'([^']*)'|\"([^\"]*)\")\s*")
_INDEX = re.compile(r"\s*(-?\d+)\s*")
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*")

Selector = str | int | slice


class JsonPathError(ValueError):
    """An expression that is not understood, or that selects what is not there."""


@dataclass(frozen=True)
class Step:
    """One step down: everything, or some members.

    Parameters
    ----------
    many
        Whether the result is a list of what was selected.
    """

    selectors: tuple[Selector, ...]
    everything: bool = False

    @property
    def many(self) -> bool:
        """Whether more than one value may be selected."""
        return self.everything or len(self.selectors) > 1 or isinstance(self.selectors[0], slice)


def parse(expression: str) -> tuple[Step, ...]:
    """Return the steps of an expression; none for ``$``.

    Raises
    ------
    JsonPathError
        With the place that is not understood.
    """
    if not expression.startswith("$"):
        raise JsonPathError(f"{expression!r} must begin with $")
    steps, at = [], 1
    while at < len(expression):
        found = _STEP.match(expression, at)
        if found is None:
            raise JsonPathError(f"{expression!r} is not understood from {expression[at:]!r} on")
        steps.append(_step(expression, found))
        at = found.end()
    return tuple(steps)


def select(steps: tuple[Step, ...], value: Any) -> Any:
    """Return what the steps select of a value: an object for several names, a list for several places of a list.

    Raises
    ------
    JsonPathError
        When a name or a place is not there.
    """
    if not steps:
        return value
    first, rest = steps[0], steps[1:]
    if not first.many:
        return select(rest, _one(first.selectors[0], value))
    if isinstance(value, dict):
        names = list(value) if first.everything else list(first.selectors)
        return {name: select(rest, _one(name, value)) for name in names}
    return [select(rest, part) for part in _several(first, value)]


def _step(expression: str, found: re.Match[str]) -> Step:
    if found["name"]:
        return Step((found["name"],))
    inside = (found["inside"] or "").strip()
    if found["all"] or inside == "*":
        return Step((), everything=True)
    return Step(tuple(_selector(expression, part) for part in inside.split(",")))


def _selector(expression: str, part: str) -> Selector:
    if name := _NAME.fullmatch(part):
        return name[1] if name[1] is not None else name[2]
    if index := _INDEX.fullmatch(part):
        return int(index[1])
    if edges := _SLICE.fullmatch(part):
        return slice(*(int(edge) if edge else None for edge in edges.groups()))
    raise JsonPathError(f"{expression!r} has {part!r} in brackets: give names in quotes, numbers or slices")


def _one(selector: Selector, value: Any) -> Any:
    try:
        if isinstance(selector, str) != isinstance(value, dict):
            raise KeyError(selector)
        return value[selector]
    except (KeyError, IndexError, TypeError):
        raise JsonPathError(f"{selector!r} is not there") from None


def _several(step: Step, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise JsonPathError("places of a list were asked for, and it is none")
    if step.everything:
        return value
    found: list[Any] = []
    for selector in step.selectors:
        found += value[selector] if isinstance(selector, slice) else [_one(selector, value)]
    return found
