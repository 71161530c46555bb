"""Shares and other figures with intervals that know that a patient's images are alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval, at 95 % unless said otherwise; NaN where there was nothing to count."""

    value: float
    low: float
    high: float
    count: int

    def record(self) -> dict[str, Any]:
        """For JSON, which knows no NaN."""
        return {name: None if value != value else value for name, value in asdict(self).items()}  # noqa: PLR0124


def proportion(hits: NDArray[Any], group: NDArray[Any], confidence: float = 0.95) -> Interval:
    """The share of hits with a Clopper-Pearson interval, over as many images as the patients are worth.

    Two images of a patient say less than two patients. Counts are divided by the design effect: Rao, Scott: A Simple
    Method for the Analysis of Clustered Binary Data, Biometrics 48 (1992), https://doi.org/10.2307/2532311.

    Parameters
    ----------
    group
        Number of each image's patient.
    """
    count = len(hits)
    if not count:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    share, size = float(np.mean(hits)), effective(hits, group)
    tail = (1 - confidence) / 2
    return Interval(share, lower(share * size, size, tail), upper(share * size, size, tail), count)


def effective(hits: NDArray[Any], group: NDArray[Any]) -> float:
    """How many independent images would tell as much: at most as many as there are."""
    hits = np.asarray(hits, float)
    count, share = len(hits), float(np.mean(hits))
    _, at = np.unique(group, return_inverse=True)
    groups = int(at.max()) + 1
    if groups < 2 or not 0 < share < 1:
        # Nothing varies: whether patients agree cannot be seen, so a patient counts once.
        return float(groups)
    residual = np.bincount(at, hits - share)
    clustered = groups / (groups - 1) * float((residual**2).sum()) / count**2
    effect = clustered / (share * (1 - share) / count)
    return float(np.clip(count / max(effect, 1.0), 1.0, count))


def lower(hits: float, count: float, tail: float) -> float:
    """Lower end of Clopper and Pearson, Biometrika 26 (1934), https://doi.org/10.1093/biomet/26.4.404."""
    return 0.0 if hits <= 0 else float(stats.beta.ppf(tail, hits, count - hits + 1))


def upper(hits: float, count: float, tail: float) -> float:
    """Its upper end."""
    return 1.0 if hits >= count else float(stats.beta.isf(tail, hits + 1, count - hits))


def bootstrap(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    group: NDArray[Any],
    *,
    repeats: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """A figure with the percentile interval of a bootstrap that draws whole patients.

    Efron, Tibshirani: An Introduction to the Bootstrap (1993), section 13.3; clusters: Davison, Hinkley (1997), 3.8.

    Parameters
    ----------
    statistic
        From weights of shape (repeats, n), how often each image counts, to figures of shape (repeats,).
    """
    _, at = np.unique(group, return_inverse=True)
    groups = int(at.max()) + 1
    rng = np.random.default_rng(seed)
    value = float(statistic(np.ones((1, len(at))))[0])
    drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=repeats).astype(float)
    found = statistic(drawn[:, at])
    found = found[np.isfinite(found)]
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(found, [tail, 100 - tail]) if len(found) else (float("nan"), float("nan"))
    return Interval(value, float(low), float(high), len(at))
