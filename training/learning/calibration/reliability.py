"""How far probabilities can be believed: calibration error, Brier score and its parts, reliability diagram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from training.learning.calibration.choice import log_losses
from training.learning.calibration.intervals import Interval, proportion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BINS = 10

Way = Literal["width", "mass"]


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of a reliability diagram.

    Attributes
    ----------
    probability
        Mean of what was said.
    share
        What came true, with its interval.
    """

    images: int
    probability: float
    share: Interval


def summary(probabilities: NDArray[Any], positive: NDArray[Any]) -> dict[str, float]:
    """All figures of calibration; lower is better, but for `resolution`."""
    p, y = np.asarray(probabilities, float), np.asarray(positive, bool)
    return {
        "ece": error(p, y, "width"),
        "ece_equal_mass": error(p, y, "mass"),
        "brier": float(((p - y) ** 2).mean()),
        "log_loss": float(log_losses(p, y).mean()),
        "mean_probability": float(p.mean()),
        "prevalence": float(y.mean()),
        **murphy(p, y),
    }


def error(probabilities: NDArray[Any], positive: NDArray[Any], way: Way = "width", bins: int = BINS) -> float:
    """Expected calibration error: the gap between what was said and what came true, averaged over bins by their size.

    Of the positive class's probability, not of the top class's. Bins of equal width: Naeini et al.: Obtaining Well
    Calibrated Probabilities Using Bayesian Binning, AAAI 2015; of equal mass: Nguyen, O'Connor, EMNLP 2015,
    https://doi.org/10.18653/v1/D15-1182. It is above 0 for a perfect model too, the more so the fewer the images.
    """
    p, y = np.asarray(probabilities, float), np.asarray(positive, float)
    gaps = np.bincount(binned(p, way, bins), p - y, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def murphy(probabilities: NDArray[Any], positive: NDArray[Any], bins: int = BINS) -> dict[str, float]:
    """The Brier score as uncertainty + reliability - resolution + what the bins blur.

    Murphy: A New Vector Partition of the Probability Score, J. Appl. Meteorol. 12 (1973). With bins of unequal
    probabilities the sum lacks `within_bins`, the variance of what was said inside the bins less twice its covariance
    with what came true: Stephenson, Coelho, Jolliffe: Two Extra Components in the Brier Score Decomposition, Weather
    and Forecasting 23 (2008), https://doi.org/10.1175/2007WAF2006116.1. With it, the sum is exact.
    """
    p, y = np.asarray(probabilities, float), np.asarray(positive, float)
    at = binned(p, "width", bins)
    counts = np.bincount(at, minlength=bins)
    full = counts > 0
    said, true = (
        np.divide(np.bincount(at, values, minlength=bins), counts, out=np.zeros(bins), where=full) for values in (p, y)
    )
    weight, base = counts / len(p), y.mean()
    spread = p - said[at]
    return {
        "uncertainty": float(base * (1 - base)),
        "reliability": float((weight * (said - true) ** 2).sum()),
        "resolution": float((weight[full] * (true[full] - base) ** 2).sum()),
        "within_bins": float((spread**2).mean() - 2 * (spread * (y - true[at])).mean()),
    }


def diagram(
    probabilities: NDArray[Any], positive: NDArray[Any], patients: Sequence[str] | None = None, bins: int = BINS
) -> list[Bin]:
    """The points of a reliability diagram, in bins of equal mass, with 95 % intervals that know of patients."""
    p, y = np.asarray(probabilities, float), np.asarray(positive, bool)
    group = np.arange(len(p)) if patients is None else np.unique(np.asarray(patients, str), return_inverse=True)[1]
    at = binned(p, "mass", bins)
    return [
        Bin(int((at == k).sum()), float(p[at == k].mean()), proportion(y[at == k], group[at == k]))
        for k in range(bins)
        if (at == k).any()
    ]


def binned(p: NDArray[np.float64], way: Way, bins: int = BINS) -> NDArray[np.intp]:
    """The bin of each probability; equal probabilities share one, whatever its mass."""
    if way == "width":
        return np.minimum((p * bins).astype(np.intp), bins - 1)
    edges = np.unique(np.quantile(p, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.searchsorted(edges, p, side="left")
