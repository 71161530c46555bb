"""What follows from a knee and a forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from loadtest.errors import LoadUsageError

SAFETY = 0.5
"""Where SageMaker's guide tells to begin.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html
"""
HEADROOM = 0.1
"""On top of the concurrency that is needed on average, as Lambda's guide advises.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""
FEWEST_IN_PRODUCTION = 2
"""Instances in two zones, so that one can be lost.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-best-practices.html
"""
RARE = 0.999
"""Share of the time in which reserved concurrency must suffice by itself."""


@dataclass(frozen=True)
class Forecast:
    """Requests per second in quiet and in busy times."""

    trough: float
    peak: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.peak) and 0 <= self.trough <= self.peak and self.peak > 0):
            raise LoadUsageError("forecast", f"{self.trough}, {self.peak}", "give a peak above 0 and a trough up to it")


@dataclass(frozen=True)
class Scaling:
    """The endpoint's numbers: calls a minute and requests inside, per instance; instances are None without a forecast.

    `inside` is None where no mean latency was recorded.
    """

    target: int
    inside: int | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Concurrency:
    """A function's numbers."""

    provisioned_least: int
    provisioned_most: int
    reserved: int


def target(max_rps: float, safety: float = SAFETY) -> int:
    """Return InvocationsPerInstance: MAX_RPS x safety x 60, as the metric counts per minute."""
    if not 0 < safety <= 1:
        raise LoadUsageError("safety", safety, "give a factor above 0 and up to 1")
    if not (math.isfinite(max_rps) and max_rps > 0):
        raise LoadUsageError("max rps", max_rps, "give a rate above 0")
    return max(1, math.floor(round(max_rps * safety * 60, 6)))


def inside(max_rps: float, mean_s: float, safety: float = SAFETY) -> int:
    """Return how many requests to let be inside an instance, waiting ones too, before the fleet grows.

    Little's law at the knee: arrival rate x mean time inside, times the same safety as the target of calls. Below the
    knee less time is spent inside, so at that target fewer are: this one stays quiet until something queues.
    """
    if not (math.isfinite(mean_s) and mean_s > 0):
        raise LoadUsageError("mean latency", mean_s, "give seconds above 0")
    return max(1, math.floor(round(max_rps * mean_s * safety, 6)))


def scaling(
    max_rps: float,
    forecast: Forecast | None = None,
    *,
    mean_s: float | None = None,
    safety: float = SAFETY,
    growth: float = 0.25,
    production: bool = True,
) -> Scaling:
    """Return the target and, with a forecast, how few and how many instances keep to it.

    Parameters
    ----------
    mean_s
        Mean seconds of a request at the knee.
    growth
        Part of the peak that is added to it before the maximum is set.
    """
    aim = target(max_rps, safety)
    busy = None if mean_s is None else inside(max_rps, mean_s, safety)
    if forecast is None:
        return Scaling(aim, busy)
    fewest = FEWEST_IN_PRODUCTION if production else 1
    least = max(fewest, math.ceil(round(forecast.trough * 60 / aim, 6)))
    most = max(least, math.ceil(round(forecast.peak * (1 + growth) * 60 / aim, 6)))
    return Scaling(aim, busy, least, most)


def concurrency(
    duration_s: float, forecast: Forecast, *, utilisation: float = 0.7, headroom: float = HEADROOM
) -> Concurrency:
    """Return a function's concurrency: arrival rate x duration (Little's law), with headroom.

    Parameters
    ----------
    duration_s
        Mean seconds of a call, without cold starts.
    utilisation
        Target of the autoscaler: the maximum must hold the peak while utilisation is at it.

    Notes
    -----
    Calls that come by chance make the number under way at a moment scatter like a Poisson variable, so reserved
    concurrency, beyond which calls are refused, is what suffices 99.9 % of the time, and never below the provisioned.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
    """
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise LoadUsageError("duration", duration_s, "give seconds above 0")
    quiet, busy = forecast.trough * duration_s, forecast.peak * duration_s
    least = max(1, _up(quiet * (1 + headroom)))
    most = max(least, _up(busy * (1 + headroom) / utilisation))
    rare = busy + NormalDist().inv_cdf(RARE) * math.sqrt(busy)
    return Concurrency(least, most, max(most, _up(rare * (1 + headroom))))


def _up(value: float) -> int:
    return math.ceil(round(value, 6))
