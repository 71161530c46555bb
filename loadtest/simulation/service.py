"""What one instance is, and how long its requests take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from loadtest.errors import LoadUsageError

Floats = NDArray[np.float64]

QUANTILES = 200


@dataclass(frozen=True)
class ServiceTimes:
    """Seconds that a worker is busy with one request: a distribution by its quantiles at equal distances.

    Sampled at the midpoints of equal shares, so that the mean is exact for a constant and within a percent for
    measured histograms. An exponential is sampled from its own formula, as its tail matters in comparisons.
    """

    quantiles: tuple[float, ...]
    exponential: bool = False

    def __post_init__(self) -> None:
        if not self.quantiles or not all(math.isfinite(value) and value > 0 for value in self.quantiles):
            raise LoadUsageError("service times", self.quantiles[:3], "give times above 0 s")

    @cached_property
    def mean(self) -> float:
        """Seconds, mean."""
        return float(np.mean(self.quantiles))

    @cached_property
    def variation(self) -> float:
        """Squared coefficient of variation."""
        return 1.0 if self.exponential else float(np.var(self.quantiles) / self.mean**2)

    def sample(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw service times."""
        if self.exponential:
            return rng.exponential(self.mean, count)
        return rng.choice(np.asarray(self.quantiles), count)

    def scaled(self, mean: float) -> ServiceTimes:
        """Return the same shape with another mean."""
        factor = mean / self.mean
        return ServiceTimes(tuple(value * factor for value in self.quantiles), self.exponential)


def constant(seconds: float) -> ServiceTimes:
    """Every request takes the same."""
    return ServiceTimes((seconds,))


def exponential(mean: float) -> ServiceTimes:
    """Exponentially distributed times."""
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    raw = -np.log1p(-shares)
    return ServiceTimes(tuple((raw / raw.mean() * mean).tolist()), exponential=True)


def measured(histogram: Mapping[float, int] | Sequence[tuple[float, int]]) -> ServiceTimes:
    """Take the shape of a load test's histogram: milliseconds -> number of requests."""
    pairs = sorted(histogram.items() if isinstance(histogram, Mapping) else histogram)
    values = np.array([value for value, _ in pairs], float) / 1000
    counts = np.array([count for _, count in pairs], float)
    if not counts.sum():
        raise LoadUsageError("histogram", "no requests", "take a load test that was answered")
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES * counts.sum()
    picked = values[np.searchsorted(np.cumsum(counts), shares)]
    return ServiceTimes(tuple(np.maximum(picked, 1e-6).tolist()))


@dataclass(frozen=True)
class Instance:
    """One instance behind the endpoint.

    Attributes
    ----------
    workers
        Requests that it serves at once.
    queue
        Requests that may wait in it; one more is refused.
    timeout_s
        An answer that takes longer has reached nobody: SageMaker gives a real-time request 60 s
        (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html).
    """

    times: ServiceTimes
    workers: int = 1
    queue: int = 256
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise LoadUsageError("workers", self.workers, "give at least 1")
        if self.queue < 0:
            raise LoadUsageError("queue", self.queue, "give 0 or more")
        if not self.timeout_s > 0:
            raise LoadUsageError("timeout", self.timeout_s, "give more than 0 s")

    @property
    def rate(self) -> float:
        """Requests per second that it can serve at most."""
        return self.workers / self.times.mean
