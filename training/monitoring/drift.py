"""Has a column changed since training? Distances, tests, and a correction for asking about many columns at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from training.monitoring.columns import Numbers
from training.monitoring.errors import MonitoringError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from training.monitoring.columns import Column, Texts
    from training.monitoring.sketch import Sketch

ALPHA = 0.005
"""Chance of a false alarm per analysis, over all columns together."""

BINS = 10
FEWEST = 30
"""Fewer rows than this are too few to say anything about."""

Correction = Literal["holm", "benjamini-hochberg", "none"]


@dataclass(frozen=True)
class Limits:
    """When a difference is an alarm: it is no accident, and it is big enough to matter.

    Attributes
    ----------
    alpha, correction
        Level of significance, and how it is shared among the columns.
    numeric, categorical
        Least distance that matters: Model Monitor's `comparison_threshold` and `categorical_comparison_threshold`.
    """

    alpha: float = ALPHA
    correction: Correction = "holm"
    numeric: float = 0.1
    categorical: float = 0.1


@dataclass(frozen=True)
class Drift:
    """What was found for one column.

    Attributes
    ----------
    distance
        Of numbers: the greatest difference of the distribution functions. Of categories: of the shares.
    p_value, adjusted
        Chance of such a difference without drift; the same after the correction. None when there are too few rows.
    """

    feature: str
    test: str
    rows: int
    distance: float
    psi: float
    p_value: float | None
    adjusted: float | None
    alarm: bool


def compare(baseline: Mapping[str, Column], current: Mapping[str, Column], limits: Limits | None = None) -> list[Drift]:
    """Test every column of the baseline and correct for their number."""
    limits = limits or Limits()
    found: list[Drift] = []
    for name, before in baseline.items():
        now = current[name]
        if isinstance(before, Numbers) != isinstance(now, Numbers):
            raise MonitoringError("baseline", name, "is of another type than the column it is compared with")
        if isinstance(before, Numbers) and isinstance(now, Numbers):
            found.append(numbers(name, before, now))
        elif not isinstance(before, Numbers) and not isinstance(now, Numbers):
            found.append(texts(name, before, now))
    tested = [drift.p_value for drift in found if drift.p_value is not None]
    adjusted = iter(adjust(tested, limits.correction))
    return [_judge(drift, None if drift.p_value is None else next(adjusted), limits) for drift in found]


def numbers(name: str, before: Numbers, now: Numbers) -> Drift:
    """Compare two columns of numbers."""
    distance = ks_distance(before.sketch, now.sketch)
    enough = min(before.count, now.count) >= FEWEST
    # What the sketches may be off by must not look like drift.
    certain = max(0.0, distance - before.sketch.error - now.sketch.error)
    p_value = ks_p_value(certain, before.count, now.count) if enough else None
    return Drift(name, "ks", now.count, distance, numeric_psi(before.sketch, now.sketch), p_value, None, False)


def texts(name: str, before: Texts, now: Texts) -> Drift:
    """Compare two columns of categories."""
    table = contingency(before, now)
    enough = bool((table.sum(axis=1) >= FEWEST).all())
    p_value = chi_square(pool(table))[1] if enough else None
    rows = int(table[1].sum())
    return Drift(name, "chi-square", rows, l_infinity(table), psi(table[0], table[1]), p_value, None, False)


def ks_distance(before: Sketch, now: Sketch) -> float:
    """Two-sample Kolmogorov-Smirnov statistic: D = sup over x of |F1(x) - F2(x)|.

    Smirnov: Table for Estimating the Goodness of Fit of Empirical Distributions, Ann. Math. Statist. 19 (1948),
    https://doi.org/10.1214/aoms/1177730256.
    """
    if not before.count or not now.count:
        return 0.0
    points = np.concatenate([*before.levels, *now.levels])
    return float(np.abs(before.ranks(points) - now.ranks(points)).max())


def ks_p_value(distance: float, rows: int, others: int) -> float:
    """Chance of a KS statistic at least this great when both samples come from one distribution.

    Q((sqrt(n) + 0.12 + 0.11 / sqrt(n)) D), with n = n1 n2 / (n1 + n2) and Kolmogorov's
    Q(t) = 2 sum over k >= 1 of (-1)^(k-1) exp(-2 k^2 t^2). Stephens: Use of the Kolmogorov-Smirnov, Cramer-von Mises
    and related statistics without extensive tables, J. R. Stat. Soc. B 32 (1970),
    https://doi.org/10.1111/j.2517-6161.1970.tb00821.x. With ties it errs towards no drift.
    """
    root = math.sqrt(rows * others / (rows + others))
    return float(special.kolmogorov((root + 0.12 + 0.11 / root) * distance))


def numeric_psi(before: Sketch, now: Sketch, bins: int = BINS) -> float:
    """PSI over the baseline's quantile bins; values that repeat make fewer, wider bins."""
    if not before.count or not now.count:
        return 0.0
    edges = np.unique(before.quantiles(np.arange(1, bins) / bins))
    shares = [np.diff(np.concatenate([[0.0], sketch.ranks(edges), [1.0]])) for sketch in (before, now)]
    return psi(shares[0] * before.count, shares[1] * now.count)


def psi(before: ArrayLike, now: ArrayLike) -> float:
    """Population stability index of two sets of counts: sum of (q_i - p_i) ln(q_i / p_i).

    Half a count is added to every bin, so that an empty one does not make it infinite. Siddiqi: Credit Risk
    Scorecards (2006); Yurdakul, Naranjo: Statistical properties of the population stability index, J. Risk Model
    Validation 14 (2020), https://doi.org/10.21314/JRMV.2020.227. Customary reading: below 0.1 stable, above 0.25
    changed; without drift it is about (bins - 1)(1/n1 + 1/n2).
    """
    p, q = (np.asarray(counts, dtype=float) + 0.5 for counts in (before, now))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def contingency(before: Texts, now: Texts) -> NDArray[np.float64]:
    """Counts of shape (2, categories): first those of both, the baseline's most frequent first, then all others."""
    names = [name for name, _ in before.counts.most_common()]
    known = set(names)
    fresh = now.present - sum(now.counts[name] for name in names)
    counts = [
        [*(float(before.counts[name]) for name in names), float(before.present - before.counts.total())],
        [*(float(now.counts[name]) for name in names if name in known), float(fresh)],
    ]
    return np.array(counts)


def pool(table: NDArray[np.float64], least: float = 5.0) -> NDArray[np.float64]:
    """Join categories too rare for a chi-square test: those that expect fewer than 5 counts in either row.

    Cochran: Some methods for strengthening the common chi-square tests, Biometrics 10 (1954),
    https://doi.org/10.2307/3001616.
    """
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1.0)
    rare = (expected < least).any(axis=0)
    kept, joined = table[:, ~rare], table[:, rare].sum(axis=1)
    if not joined.any():
        return kept
    if kept.size and expected[:, rare].sum(axis=1).min() < least:  # together still too rare: to the rarest of the rest
        kept[:, kept.sum(axis=0).argmin()] += joined
        return kept
    return np.column_stack([kept, joined])


def chi_square(table: NDArray[np.float64]) -> tuple[float, float]:
    """Pearson's statistic of homogeneity, sum of (O - E)^2 / E with E = row sum x column sum / total, and its p-value.

    Pearson (1900), https://doi.org/10.1080/14786440009463897; degrees of freedom (rows - 1)(columns - 1).
    """
    table = table[:, table.sum(axis=0) > 0]
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    if freedom < 1 or not (table.sum(axis=1) > 0).all():
        return 0.0, 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, float(special.chdtrc(freedom, statistic))


def l_infinity(table: NDArray[np.float64]) -> float:
    """The greatest difference of a category's shares: max over i of |p_i - q_i|, Model Monitor's LInfinity.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html.
    """
    sums = table.sum(axis=1)
    if not (sums > 0).all():
        return 0.0
    return float(np.abs(table[0] / sums[0] - table[1] / sums[1]).max())


def adjust(p_values: Sequence[float], correction: Correction = "holm") -> list[float]:
    """p-values corrected for their number, in the order given.

    holm: the chance of any false alarm stays below alpha, whatever the dependence; p_(i) becomes
    max over j <= i of (m - j + 1) p_(j). Holm: A simple sequentially rejective multiple test procedure, Scand. J.
    Statist. 6 (1979), https://www.jstor.org/stable/4615733.
    benjamini-hochberg: the expected share of false ones among the alarms does; min over j >= i of m p_(j) / j.
    Benjamini, Hochberg: Controlling the False Discovery Rate, J. R. Stat. Soc. B 57 (1995),
    https://doi.org/10.1111/j.2517-6161.1995.tb02031.x.
    """
    count = len(p_values)
    if not count or correction == "none":
        return list(p_values)
    values = np.asarray(p_values)
    order = np.argsort(values, kind="stable")
    if correction == "holm":
        sorted_ = np.maximum.accumulate(values[order] * (count - np.arange(count)))
    else:
        raw = values[order] * count / np.arange(1, count + 1)
        sorted_ = np.minimum.accumulate(raw[::-1])[::-1]
    result = np.empty(count)
    result[order] = np.minimum(sorted_, 1.0)
    return [float(value) for value in result]


def _judge(drift: Drift, adjusted: float | None, limits: Limits) -> Drift:
    least = limits.numeric if drift.test == "ks" else limits.categorical
    alarm = adjusted is not None and adjusted < limits.alpha and drift.distance >= least
    return Drift(drift.feature, drift.test, drift.rows, drift.distance, drift.psi, drift.p_value, adjusted, alarm)
