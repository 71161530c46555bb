"""Quantiles of a stream in constant memory: the KLL sketch, as `statistics.json` holds it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from training.monitoring.errors import MonitoringError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

K = 2048
C = 0.64
_SMALLEST = 2


class Sketch:
    """A KLL sketch: an item of level h stands for 2**h values.

    A level that is full is sorted and every second item, odd or even by lot, moves up. Levels shrink by the factor
    ``c`` from the top down, so the whole holds about ``k / (1 - c)`` items however long the stream.

    References
    ----------
    Karnin, Lang, Liberty: Optimal Quantile Approximation in Streams, FOCS 2016, https://arxiv.org/abs/1603.05346.
    """

    def __init__(self, k: int = K, c: float = C, seed: int = 0) -> None:
        if k < 8 or not 0.5 < c < 1:
            raise MonitoringError("sketch parameters", {"k": k, "c": c}, "need k >= 8 and 0.5 < c < 1")
        self.k, self.c = k, c
        self.count = 0
        self.levels: list[NDArray[np.float64]] = [np.empty(0)]
        self._lot = np.random.default_rng(seed)
        self._compacted = False

    @property
    def error(self) -> float:
        """Rank error, as a share, that holds with 99 % confidence; 0 while nothing was dropped.

        Fitted for KLL by Apache DataSketches, https://datasketches.apache.org/docs/KLL/KLLAccuracyAndSize.html
        (double-sided); the tests check it for this implementation.
        """
        return 2.446 / self.k**0.9433 if self._compacted else 0.0

    def update(self, values: ArrayLike) -> None:
        """Take finite numbers."""
        fresh = np.asarray(values, dtype=float).ravel()
        self.count += fresh.size
        self.levels[0] = np.concatenate([self.levels[0], fresh])
        self._compact()

    def weighted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The sorted items and, for each, the share of the stream that is no greater."""
        values = np.concatenate(self.levels)
        weights = np.concatenate([np.full(level.size, 2.0**height) for height, level in enumerate(self.levels)])
        order = np.argsort(values, kind="stable")
        return values[order], np.cumsum(weights[order]) / max(weights.sum(), 1.0)

    def ranks(self, points: ArrayLike) -> NDArray[np.float64]:
        """Shares of the stream that are no greater than each of `points`."""
        values, shares = self.weighted()
        return np.concatenate([[0.0], shares])[np.searchsorted(values, np.asarray(points, dtype=float), side="right")]

    def quantiles(self, shares: ArrayLike) -> NDArray[np.float64]:
        """The smallest items with at least the given shares of the stream at or below them."""
        values, upto = self.weighted()
        if not values.size:
            return np.full(np.shape(shares), math.nan)
        # The tolerance keeps a share that is exact but for rounding at its own item.
        return values[np.minimum(np.searchsorted(upto, np.asarray(shares) - 1e-12), values.size - 1)]

    def document(self) -> dict[str, Any]:
        """The `sketch` object of Model Monitor's statistics."""
        return {"parameters": {"c": self.c, "k": float(self.k)}, "data": [level.tolist() for level in self.levels]}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Sketch:
        """The sketch that such an object describes."""
        parameters, data = document["parameters"], document["data"]
        sketch = cls(int(parameters["k"]), float(parameters["c"]))
        sketch.levels = [np.asarray(level, dtype=float) for level in data] or [np.empty(0)]
        sketch.count = sum(level.size << height for height, level in enumerate(sketch.levels))
        sketch._compacted = len(sketch.levels) > 1
        return sketch

    def _compact(self) -> None:
        while sum(level.size for level in self.levels) > sum(rooms := self._rooms()):
            height = next(h for h, room in enumerate(rooms) if self.levels[h].size > room)
            if height + 1 == len(self.levels):
                self.levels.append(np.empty(0))
            level = np.sort(self.levels[height])
            # An odd one stays behind at its own weight; which end it comes from is left to the lot as well.
            stays = level.size % 2
            first = int(self._lot.integers(2)) if stays else 0
            pairs = level[first : first + level.size - stays]
            rest = level[:first] if first else level[pairs.size :]
            self.levels[height] = rest
            self.levels[height + 1] = np.concatenate([self.levels[height + 1], pairs[self._lot.integers(2) :: 2]])
            self._compacted = True

    def _rooms(self) -> Sequence[int]:
        top = len(self.levels) - 1
        return [max(_SMALLEST, math.ceil(self.k * self.c ** (top - height))) for height in range(top + 1)]
