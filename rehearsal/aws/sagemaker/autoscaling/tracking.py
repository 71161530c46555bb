"""Target tracking as a calculation: from readings to a capacity.

AWS watches a metric with two alarms: three periods above the target scale out, fifteen minutes below nine tenths of it
scale in (https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html). A
metric that comes every 10 s scales in no faster than one that comes every minute
(https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-code-define.html). The new capacity is
proportional.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE, HIGH_RESOLUTION = 60.0, 10.0
OUT_PERIODS = 3
IN_PERIODS = 15
"""Of a minute each."""
_IN_SHARE = 0.9


def period_of(metric: str) -> float:
    """Return the seconds between two values of a predefined metric, as its name says."""
    return HIGH_RESOLUTION if metric.endswith("HighResolution") else MINUTE


def periods_in(metric: str) -> int:
    """Return how many values of a predefined metric a scale-in wants."""
    return round(IN_PERIODS * MINUTE / period_of(metric))


def wanted(
    capacity: int,
    target: float,
    readings: Sequence[float],
    *,
    scale_in: bool = True,
    in_periods: int = IN_PERIODS,
) -> int:
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
    in_periods
        Values that a scale-in wants; see :func:`periods_in`.
    """
    recent = readings[-OUT_PERIODS:]
    if len(recent) == OUT_PERIODS and min(recent) > target:
        return max(capacity, _proportional(capacity, recent[-1], target))
    long = readings[-in_periods:]
    if scale_in and len(long) == in_periods and max(long) < _IN_SHARE * target:
        return min(capacity, _proportional(capacity, max(long), target))
    return capacity


def _proportional(capacity: int, reading: float, target: float) -> int:
    return math.ceil(round(capacity * reading / target, 6))
