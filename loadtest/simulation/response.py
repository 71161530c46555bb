"""Response times of a steady instance, tabulated once per utilisation, and mixtures of them.

The fluid engine knows how busy the servers are and how long the backlog is; what chance adds to that comes from
here: an exponential wait for the share of requests that must wait (Erlang C), with the mean that Allen and Cunneen
give for general service times, and the service time itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loadtest.simulation.closed_forms import erlang_c, mean_wait
from loadtest.simulation.fleet import World
from loadtest.simulation.service import Floats

BUSY_STEPS = 50
"""Utilisation is rounded up to the next fiftieth: 0.02, 0.04, ... 0.98. The last row is service without a wait."""
SIZES = 12
"""Pooled servers are rounded down to a power of two, up to 2048 times the workers of one instance."""
TIMES = np.geomspace(1e-5, 600.0, 700)
DELAYS = np.concatenate([[0.0], np.geomspace(1e-3, 600.0, 144)])
_BETWEEN = (DELAYS[1:] + DELAYS[:-1]) / 2
_GRID = 100


@dataclass
class Responses:
    """Distributions for one kind of instance, by pool size and utilisation."""

    world: World
    _rows: dict[int, Floats] = field(default_factory=dict)
    _sizes: int = field(init=False)
    _waits: Floats = field(init=False)
    _memory: Floats = field(init=False)

    def __post_init__(self) -> None:
        times, workers = self.world.instance.times, self.world.instance.workers
        self._sizes = 1 if self.world.routing == "random" else SIZES
        servers = [workers * 2**size for size in range(self._sizes)]
        busy = (np.arange(BUSY_STEPS - 1) + 1) / BUSY_STEPS
        self._waits = np.array(
            [[mean_wait(c, level * c / times.mean, times.mean, times.variation) for level in busy] for c in servers]
        )
        # The relaxation time of M/M/1, with all servers taken as one fast one.
        self._memory = times.mean / np.array(servers)[:, None] / (1 - np.sqrt(busy)) ** 2

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and delay buckets of a histogram that `quantiles` reads."""
        return self._sizes * BUSY_STEPS, len(DELAYS)

    def settle(self, instances: NDArray[np.int64], busy: Floats, wait: Floats, seconds: float) -> Floats:
        """Return the mean wait by chance after some seconds at a utilisation, beginning from another.

        Near saturation a steady state takes minutes to build up: taking it as there at once would be far too dark.
        """
        size, level = self._size(instances), self._level(busy)
        return wait + (self._waits[size, level] - wait) * -np.expm1(-seconds / self._memory[size, level])

    def row(self, instances: NDArray[np.int64], wait: Floats, delay: Floats) -> NDArray[np.int64]:
        """Return the row of each triple of instance count, mean wait by chance, and backlog in seconds.

        A backlog beyond what chance piles up is the wait itself: nothing is added to it then.
        """
        size = self._size(instances)
        level = (self._waits[size] < wait[:, None] * (1 - 1e-9)).sum(axis=1)
        return size * BUSY_STEPS + np.where(delay > wait, BUSY_STEPS - 1, np.minimum(level, BUSY_STEPS - 2))

    def _size(self, instances: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.minimum(np.log2(np.maximum(instances, 1)).astype(int), self._sizes - 1)

    @staticmethod
    def _level(busy: Floats) -> NDArray[np.int64]:
        return np.clip(np.ceil(busy * BUSY_STEPS).astype(int) - 1, 0, BUSY_STEPS - 2)

    @staticmethod
    def delay(seconds: Floats) -> NDArray[np.int64]:
        """Return the nearest bucket of each delay."""
        return np.searchsorted(_BETWEEN, seconds)

    def share(self, row: int) -> Floats:
        """Return the share of response times up to each of `TIMES`, without a backlog."""
        if row not in self._rows:
            self._rows[row] = self._distribution(row)
        return self._rows[row]

    def mixture(self, weights: Floats) -> Floats:
        """Return the share of response times up to each of `TIMES` of a histogram of rows and delays."""
        total = np.zeros(len(TIMES))
        for row, bucket in zip(*np.nonzero(weights), strict=True):
            delay = DELAYS[bucket]
            share = self.share(int(row))
            shifted = share if delay == 0 else np.interp(TIMES - delay, TIMES, share, left=0.0)
            total += weights[row, bucket] * shifted
        return total / weights.sum() if weights.sum() else total

    def _distribution(self, row: int) -> Floats:
        size, level = divmod(row, BUSY_STEPS)
        instance = self.world.instance
        servers = instance.workers * 2**size
        busy = (level + 1) / BUSY_STEPS
        arrivals = busy * servers / instance.times.mean
        waits = erlang_c(servers, busy * servers) if level < BUSY_STEPS - 1 else 0.0
        mean = mean_wait(servers, arrivals, instance.times.mean, instance.times.variation) / waits if waits else 0.0
        middle = (np.arange(_GRID) + 0.5) / _GRID
        # Finer towards the end, where the percentiles are that anybody asks for.
        edges = np.concatenate([np.linspace(0, 0.9, _GRID // 2), 1 - np.geomspace(0.1, 1e-5, _GRID // 2 + 1)])
        edges[-1] = 1.0
        share = np.diff(edges)
        wait = -mean * np.log1p(-(edges[:-1] + edges[1:]) / 2)
        # More requests than fit in the queue never wait: they are refused.
        wait = np.minimum(wait, (instance.queue + 1) * instance.times.mean / instance.workers)
        service = np.quantile(np.asarray(instance.times.quantiles), middle, method="inverted_cdf")
        sums = (wait[:, None] + service[None, :]).ravel()
        weight = np.repeat(share / _GRID, _GRID)
        order = np.argsort(sums)
        reached = np.concatenate([[0.0], np.cumsum(weight[order])])
        waiting = reached[np.searchsorted(sums[order], TIMES, side="right")]
        alone = np.searchsorted(np.sort(service), TIMES, side="right") / _GRID
        return waits * waiting + (1 - waits) * alone


def quantile(share: Floats, wanted: float) -> float | None:
    """Return the time that a share of the requests does not exceed, None beyond the table."""
    if share[-1] < wanted:
        return None
    index = int(np.searchsorted(share, wanted))
    if index == 0:
        return float(TIMES[0])
    low, high = share[index - 1], share[index]
    part = (wanted - low) / (high - low)
    return float(TIMES[index - 1] + part * (TIMES[index] - TIMES[index - 1]))


def mean(share: Floats) -> float:
    """Return the mean time of a distribution over `TIMES`."""
    beyond = 1 - np.minimum(share, 1.0)
    return float(TIMES[0] + ((beyond[1:] + beyond[:-1]) / 2 * np.diff(TIMES)).sum())
