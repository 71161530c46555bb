"""The space that a tuning job searches: named ranges, each stretched over the unit interval by its scale.

Source of ranges and scales: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["integer", "continuous", "categorical"]

_KINDS: dict[str, Kind] = {
    "IntegerParameterRanges": "integer",
    "ContinuousParameterRanges": "continuous",
    "CategoricalParameterRanges": "categorical",
}
_WIDE = 10.0  # "Auto" is left to SageMaker; its guide calls Linear right within one order of magnitude


@dataclass(frozen=True)
class Range:
    """One hyperparameter that is searched.

    Parameters
    ----------
    low, high
        Both included; 0.0 for a categorical one.
    scaling
        ``Linear``, ``Logarithmic`` or ``ReverseLogarithmic``: Auto has been decided.
    values
        Of a categorical range, in the order of the request.
    """

    name: str
    kind: Kind
    low: float = 0.0
    high: float = 0.0
    scaling: str = "Linear"
    values: tuple[str, ...] = ()

    @property
    def edges(self) -> tuple[float, float]:
        """Where the scale begins and ends: half a step further out for integers, so that all are equally wide."""
        half = 0.5 if self.kind == "integer" else 0.0
        return self.low - half, self.high + half


def read(ranges: dict[str, Any]) -> tuple[Range, ...]:
    """Return the ranges of ``ParameterRanges``, sorted by kind and then as given.

    Raises
    ------
    ValueError
        Naming range and value.
    """
    found: list[Range] = []
    for member, kind in _KINDS.items():
        for item in ranges.get(member) or []:
            if any(other.name == item["Name"] for other in found):
                raise ValueError(f"the hyperparameter {item['Name']} is given more than one range")
            found.append(_categorical(item) if kind == "categorical" else _numeric(item, kind))
    return tuple(found)


def text(of: Range, place: float) -> str:
    """Return the value at ``place`` (0 to 1) as a hyperparameter carries it."""
    if of.kind == "categorical":
        return of.values[min(int(place * len(of.values)), len(of.values) - 1)]
    low, high = of.edges
    value = _unscale(of.scaling, _scale(of.scaling, low) * (1 - place) + _scale(of.scaling, high) * place)
    value = min(max(value, of.low), of.high)
    return str(round(value)) if of.kind == "integer" else repr(value)


def place(of: Range, value: str) -> float:
    """Return where a value lies, 0 to 1: the inverse of :func:`text`, at the middle of a category."""
    if of.kind == "categorical":
        return (of.values.index(value) + 0.5) / len(of.values)
    low, high = (_scale(of.scaling, edge) for edge in of.edges)
    return (_scale(of.scaling, float(value)) - low) / (high - low) if high != low else 0.5


def _categorical(item: dict[str, Any]) -> Range:
    values = tuple(item["Values"])
    if len(set(values)) != len(values):
        raise ValueError(f"the categorical range {item['Name']} has the same value twice: {', '.join(values)}")
    return Range(item["Name"], "categorical", values=values)


def _numeric(item: dict[str, Any], kind: Kind) -> Range:
    name = item["Name"]
    low, high = (_number(name, member, item[member], kind) for member in ("MinValue", "MaxValue"))
    if low > high:
        raise ValueError(f"the range {name} has MinValue {item['MinValue']} above MaxValue {item['MaxValue']}")
    scaling = item.get("ScalingType") or "Auto"
    if scaling == "Auto":
        scaling = "Logarithmic" if low > 0 and high / low > _WIDE else "Linear"
    if scaling == "Logarithmic" and low <= 0:
        raise ValueError(
            f"the range {name} has a logarithmic scale, which needs a MinValue above 0: {item['MinValue']}"
        )
    if scaling == "ReverseLogarithmic" and not (kind == "continuous" and low >= 0 and high < 1):
        raise ValueError(
            f"the range {name} has a reverse logarithmic scale, which needs a continuous range within 0 <= x < 1: "
            f"{item['MinValue']} to {item['MaxValue']}"
        )
    return Range(name, kind, low, high, scaling)


def _number(name: str, member: str, given: str, kind: Kind) -> float:
    try:
        value = float(int(given)) if kind == "integer" else float(given)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"the {kind} range {name} has a {member} that is no {kind} number: {given!r}")
    return value


def _scale(scaling: str, value: float) -> float:
    if scaling == "Logarithmic":
        return math.log(value)
    return -math.log1p(-value) if scaling == "ReverseLogarithmic" else value


def _unscale(scaling: str, value: float) -> float:
    if scaling == "Logarithmic":
        return math.exp(value)
    return -math.expm1(-value) if scaling == "ReverseLogarithmic" else value
