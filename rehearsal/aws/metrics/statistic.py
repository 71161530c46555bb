"""CloudWatch's statistics over the points of one window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.aws.metrics.series import Point

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)$")
PLAIN = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class StatisticError(ValueError):
    """A statistic that the embedded AWS does not compute."""


def compute(points: Sequence[Point], name: str) -> float | None:
    """Return a statistic of a window, None for an empty one.

    Parameters
    ----------
    name
        ``Sum``, ``Average``, ``Minimum``, ``Maximum``, ``SampleCount`` or a percentile such as ``p99.9``.

    Raises
    ------
    StatisticError
        For any other name.
    """
    samples = sum(point.samples for point in points)
    if name == "SampleCount":
        return samples or None
    if not points or not samples:
        return None
    total = sum(point.total for point in points)
    simple = {
        "Sum": total,
        "Average": total / samples,
        "Minimum": min(point.low for point in points),
        "Maximum": max(point.high for point in points),
    }
    return simple[name] if name in simple else _percentile(points, _rank(name), samples)


def check(name: str) -> None:
    """Raise :class:`StatisticError` for a statistic that :func:`compute` does not know."""
    if name not in PLAIN:
        _rank(name)


def _rank(name: str) -> float:
    match = _PERCENTILE.match(name)
    if match is None:
        raise StatisticError(f"statistic {name!r} is none of {', '.join(PLAIN)} or pNN")
    return float(match.group(1)) / 100


def _percentile(points: Sequence[Point], rank: float, samples: float) -> float:
    """Interpolate between the nearest samples, as CloudWatch does for small counts."""
    values = sorted((point.total / point.samples, point.samples) for point in points if point.samples)
    position = rank * (samples - 1)
    passed = 0.0
    for index, (value, weight) in enumerate(values):
        if position <= passed + weight - 1 or index == len(values) - 1:
            return value
        if position < passed + weight:
            return value + (position - (passed + weight - 1)) * (values[index + 1][0] - value)
        passed += weight
    return values[-1][0]
