"""Axes of plots: values to positions, with round ticks. The report of a rehearsal draws with them, too."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """Maps values to positions, linearly or by their logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the position of a value."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(max(value, self.low))
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, amount: int) -> list[float]:
        """Return about `amount` round values within the axis."""
        if not self.log:
            return _multiples(self.low, self.high, round_step((self.high - self.low) / amount))
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        fitting: list[float] = []
        for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
            fitting = [f * 10.0**p for p in powers for f in factors if self.low <= f * 10.0**p <= self.high]
            if len(fitting) >= amount - 1:
                return fitting
        if len(fitting) < 3:  # less than half a decade
            return _multiples(self.low, self.high, round_step((self.high - self.low) / amount))
        return fitting


def round_step(rough: float) -> float:
    """Return the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]
