"""Distances between distributions, tests of their equality, and corrections for testing often."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from training.monitoring.sketch import Sketch

Correction = Literal["holm", "benjamini-hochberg", "none"]

BINS = 10

_CERTAIN = 7.0
"""Cramer-von Mises statistic beyond which the chance is below 1e-14: less than a double can tell from none."""


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


def cvm_statistic(before: Sketch, now: Sketch, error: float = 0.0) -> float:
    """Two-sample Cramer-von Mises statistic: T = n1 n2 / (n1 + n2)^2 x sum over all values of (F1(x) - F2(x))^2.

    Anderson: On the distribution of the two-sample Cramer-von Mises criterion, Ann. Math. Statist. 33 (1962),
    https://doi.org/10.1214/aoms/1177704477. F is the middle of its jump, so that ties make T smaller, not greater.

    Parameters
    ----------
    error
        By how much the difference of F1 and F2 may be off; taken from it.
    """
    if not before.count or not now.count:
        return 0.0
    points = np.unique(np.concatenate([*before.levels, *now.levels]))
    upto = [sketch.ranks(points) for sketch in (before, now)]
    middle = [(shares + np.concatenate([[0.0], shares[:-1]])) / 2 for shares in upto]
    steps = [np.diff(shares, prepend=0.0) * sketch.count for shares, sketch in zip(upto, (before, now), strict=True)]
    gap = np.maximum(np.abs(middle[0] - middle[1]) - error, 0.0)
    rows, others = before.count, now.count
    return float(rows * others / (rows + others) ** 2 * ((steps[0] + steps[1]) * gap**2).sum())


def cvm_p_value(statistic: float, rows: int, others: int) -> float:
    """Chance of a statistic at least this great when both samples come from one distribution.

    1 - V(x), V(x) = 1 / (pi sqrt(x)) sum over j >= 0 of a_j sqrt(4j + 1) exp(-q) K_1/4(q), with q = (4j + 1)^2 / (16 x)
    and a_j = Gamma(j + 1/2) / (sqrt(pi) j!). Anderson, Darling: Asymptotic theory of certain "goodness of fit"
    criteria, Ann. Math. Statist. 23 (1952), https://doi.org/10.1214/aoms/1177729437, (4.35). x is the statistic moved
    and scaled from its mean and variance for these numbers of rows to those of the limit (Anderson 1962).
    """
    m, n, both = rows, others, rows + others
    mean = (1 + 1 / both) / 6
    variance = (both + 1) * (4 * m * n * both - 3 * (m * m + n * n) - 2 * m * n) / (180 * both**2 * m * n)
    x = 1 / 6 + (statistic - mean) / math.sqrt(45 * variance)
    if x <= 0.01:
        return 1.0
    if x > _CERTAIN:
        return 0.0
    j = np.arange(60)
    q = (4 * j + 1) ** 2 / (16 * x)
    weights = np.exp(special.gammaln(j + 0.5) - special.gammaln(j + 1)) / math.sqrt(math.pi)
    # kve is K scaled by exp(q): both factors stay finite together.
    terms = weights * np.sqrt(4 * j + 1) * special.kve(0.25, q) * np.exp(-2 * q)
    return float(min(1.0, max(0.0, 1 - terms.sum() / (math.pi * math.sqrt(x)))))


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
