"""Traffic that only tests need."""

from __future__ import annotations

import numpy as np

from loadtest.simulation.trace import Trace


def steady(rate: float, seconds: float, step_s: float = 1.0) -> Trace:
    """One rate all the time."""
    return Trace(step_s, np.full(max(1, round(seconds / step_s)), float(rate)))
