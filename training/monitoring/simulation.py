"""How often drift is found, and how often it is seen where there is none: by simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.monitoring import baseline, drift
from training.monitoring.columns import Numbers
from training.monitoring.drift import Limits
from training.monitoring.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from training.monitoring.columns import Column

FEATURES = 13


@dataclass(frozen=True)
class Rate:
    """How many of how many, with the 95 % interval of Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953."""

    hits: int
    trials: int

    @property
    def share(self) -> float:
        """The observed share."""
        return self.hits / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end."""
        z, n, p = 1.96, self.trials, self.share
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.hits}/{self.trials} = {self.share:.1%} (95 % interval {low:.1%} to {high:.1%})"


_SHAPES: tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], ...] = (
    lambda z: z,
    lambda z: 3 * z + 100,
    lambda z: np.exp(0.5 * z),
    lambda z: np.sign(z) * np.abs(z) ** 1.5,
    np.tanh,
    lambda z: z + 2 * np.sign(z),
    lambda z: np.round(2 * z),
    lambda z: z**2,
    lambda z: np.log1p(np.exp(z)),
    lambda z: np.round(z, 1),
    lambda z: 1 / (1 + np.exp(-1.7 * z)),
    lambda z: np.maximum(z, -0.5),
    lambda z: z,
)
"""Normal, skewed, heavy-tailed, nearly uniform, two-peaked, with ties, cut off: as real columns are."""


def rows(lot: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Rows of 13 dependent columns of different shapes: shape (count, 13)."""
    common = lot.normal(size=(count, 1))
    own = lot.normal(size=(count, FEATURES))
    mixed = math.sqrt(0.3) * common + math.sqrt(0.7) * own
    return np.column_stack([shape(mixed[:, place]) for place, shape in enumerate(_SHAPES)])


def false_alarms(
    days: int, requests: int, training: int, limits: Limits | None = None, *, baselines: int = 20, seed: int = 0
) -> Rate:
    """Days with any alarm, of days whose requests are like the training rows; some days share a baseline."""
    lot = np.random.default_rng(seed)
    hits = 0
    before = _baseline(rows(lot, training))
    for day in range(days):
        if day and day % max(1, days // baselines) == 0:
            before = _baseline(rows(lot, training))
        found = drift.compare(before, _columns(rows(lot, requests)), limits)
        hits += any(one.alarm for one in found)
    return Rate(hits, days)


def power(
    runs: int, requests: int, training: int, shift: float = 0.5, limits: Limits | None = None, *, seed: int = 0
) -> tuple[Rate, list[Rate]]:
    """Runs in which the one column that is shifted, by `shift` standard deviations, is found; the same by column."""
    lot = np.random.default_rng(seed)
    hits, trials = [0] * FEATURES, [0] * FEATURES
    for run in range(runs):
        place = run % FEATURES
        before = rows(lot, training)
        now = rows(lot, requests)
        now[:, place] += shift * before[:, place].std()
        found = drift.compare(_baseline(before), _columns(now), limits)
        trials[place] += 1
        hits[place] += found[place].alarm
    by_column = [Rate(*pair) for pair in zip(hits, trials, strict=True) if pair[1]]
    return Rate(sum(hits), sum(trials)), by_column


def _columns(values: NDArray[np.float64]) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for place in range(values.shape[1]):
        column = Numbers()
        column.add_floats(values[:, place])
        found[f"f{place}"] = column
    return found


def _baseline(values: NDArray[np.float64]) -> dict[str, Column]:
    """What an analysis would read out of the baseline's files."""
    table = Table({f"f{place}": "Fractional" for place in range(values.shape[1])})
    table.columns = _columns(values)
    return {feature["name"]: baseline.restore(feature) for feature in baseline.statistics(table)["features"]}
