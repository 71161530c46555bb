"""Target tracking as a calculation: from readings to a capacity.

AWS watches a metric with two alarms: three periods above the target scale out, fifteen below nine tenths of it scale
in (Application Auto Scaling user guide, "How target tracking scaling works"). The new capacity is proportional.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT_PERIODS = 3
IN_PERIODS = 15
_IN_SHARE = 0.9


def wanted(capacity: int, target: float, readings: Sequence[float], *, scale_in: bool = True) -> int:
    """Return the capacity that one policy wants.

    Parameters
    ----------
    capacity
        Present capacity; the readings are per unit of it.
    target
        The policy's target value, in the metric's unit.
    readings
        One value per period, oldest first; too few of them decide nothing.
    scale_in
        False with ``DisableScaleIn``.
    """
    recent = readings[-OUT_PERIODS:]
    if len(recent) == OUT_PERIODS and min(recent) > target:
        return max(capacity, _proportional(capacity, recent[-1], target))
    long = readings[-IN_PERIODS:]
    if scale_in and len(long) == IN_PERIODS and max(long) < _IN_SHARE * target:
        return min(capacity, _proportional(capacity, max(long), target))
    return capacity


def _proportional(capacity: int, reading: float, target: float) -> int:
    return math.ceil(round(capacity * reading / target, 6))


def combined(capacity: int, wishes: Sequence[int]) -> int:
    """Return what several policies want together: the most of those that scale out, else the least change inwards."""
    return max(wishes, default=capacity)
