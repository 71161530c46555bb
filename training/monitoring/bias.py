"""Bias between two groups, with the definitions and the signs of SageMaker Clarify.

a is the favoured group (facet), d the other; n the labels, n' the predictions, 1 the outcome that is wished for.
https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-data-bias.html (labels) and
https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-post-training-bias.html (predictions) list them all. A
ratio that would divide by zero is None. The counterfactual flip test (FT) is not here: it needs every row's
neighbours, not counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.monitoring.errors import MonitoringError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

DOC = "https://docs.aws.amazon.com/sagemaker/latest/dg/"

FORMULAS = {
    "CI": ("(n_a - n_d) / (n_a + n_d)", "clarify-bias-metric-class-imbalance.html"),
    "DPL": ("n_a(1) / n_a - n_d(1) / n_d", "clarify-data-bias-metric-true-label-imbalance.html"),
    "KL": ("sum over y of P_a(y) ln(P_a(y) / P_d(y))", "clarify-data-bias-metric-kl-divergence.html"),
    "JS": (
        "(KL(P_a || P) + KL(P_d || P)) / 2, P = (P_a + P_d) / 2",
        "clarify-data-bias-metric-jensen-shannon-divergence.html",
    ),
    "LP": ("sqrt(sum over y of (P_a(y) - P_d(y))^2)", "clarify-data-bias-metric-lp-norm.html"),
    "TVD": ("sum over y of |P_a(y) - P_d(y)| / 2", "clarify-data-bias-metric-total-variation-distance.html"),
    "KS": ("max over y of |P_a(y) - P_d(y)|", "clarify-data-bias-metric-kolmogorov-smirnov.html"),
    "CDDL": ("sum over groups i of n_i DD_i / n", "clarify-data-bias-metric-cddl.html"),
    "DPPL": ("n'_a(1) / n_a - n'_d(1) / n_d", "clarify-post-training-bias-metric-dppl.html"),
    "DI": ("(n'_d(1) / n_d) / (n'_a(1) / n_a)", "clarify-post-training-bias-metric-di.html"),
    "DCAcc": ("n_a(1) / n'_a(1) - n_d(1) / n'_d(1)", "clarify-post-training-bias-metric-dca.html"),
    "DCR": ("n_d(0) / n'_d(0) - n_a(0) / n'_a(0)", "clarify-post-training-bias-metric-dcr.html"),
    "SD": ("TN_d / (TN_d + FP_d) - TN_a / (TN_a + FP_a)", "clarify-post-training-bias-metric-sd.html"),
    "RD": ("TP_a / (TP_a + FN_a) - TP_d / (TP_d + FN_d)", "clarify-post-training-bias-metric-rd.html"),
    "DAR": ("TP_a / (TP_a + FP_a) - TP_d / (TP_d + FP_d)", "clarify-post-training-bias-metric-dar.html"),
    "DRR": ("TN_d / (TN_d + FN_d) - TN_a / (TN_a + FN_a)", "clarify-post-training-bias-metric-drr.html"),
    "AD": ("accuracy_a - accuracy_d", "clarify-post-training-bias-metric-ad.html"),
    "CDDPL": ("sum over groups i of n_i DDPL_i / n", "clarify-post-training-bias-metric-cddpl.html"),
    "TE": ("FN_d / FP_d - FN_a / FP_a", "clarify-post-training-bias-metric-te.html"),
    "GE": ("mean of ((b / mean b)^2 - 1) / 2, b = y' - y + 1", "clarify-post-training-bias-metric-ge.html"),
}
"""Formula and page of every metric. DD of a group is its n_d(0) / n(0) - n_d(1) / n(1)."""


@dataclass(frozen=True)
class Counts:
    """Outcomes of one group."""

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def rows(self) -> int:
        """All of them."""
        return self.tp + self.fp + self.tn + self.fn

    @classmethod
    def of(cls, labels: NDArray[np.bool_], predictions: NDArray[np.bool_]) -> Counts:
        """Count wished-for outcomes among labels and predictions."""
        tp = int((labels & predictions).sum())
        fp, fn = int(predictions.sum()) - tp, int(labels.sum()) - tp
        return cls(tp, fp, labels.size - tp - fp - fn, fn)


def of_labels(a: Sequence[str], d: Sequence[str], positive: str) -> dict[str, float | None]:
    """Bias in the labels of two groups, whatever the number of classes: CI, DPL, KL, JS, LP, TVD, KS."""
    if not a or not d:
        raise MonitoringError("facet", (len(a), len(d)), "both groups need at least one row")
    names = sorted(set(a) | set(d))
    p, q = (np.array([group.count(name) for name in names]) / len(group) for group in (list(a), list(d)))
    difference = np.abs(p - q)
    return {
        "CI": (len(a) - len(d)) / (len(a) + len(d)),
        "DPL": list(a).count(positive) / len(a) - list(d).count(positive) / len(d),
        "KL": kl(p, q),
        "JS": ((kl(p, (p + q) / 2) or 0.0) + (kl(q, (p + q) / 2) or 0.0)) / 2,
        "LP": float(np.sqrt((difference**2).sum())),
        "TVD": float(difference.sum() / 2),
        "KS": float(difference.max()),
    }


def kl(p: NDArray[np.float64], q: NDArray[np.float64]) -> float | None:
    """Kullback-Leibler divergence in nats; None when q lacks an outcome that p has (it would be infinite)."""
    held = p > 0
    if (q[held] == 0).any():
        return None
    return float((p[held] * np.log(p[held] / q[held])).sum())


def of_predictions(a: Counts, d: Counts) -> dict[str, float | None]:
    """Bias in the predictions for two groups: DPPL, DI, DCAcc, DCR, SD, RD, DAR, DRR, AD, TE and, over both, GE."""
    if not a.rows or not d.rows:
        raise MonitoringError("facet", (a.rows, d.rows), "both groups need at least one row")

    def less(one: float | None, other: float | None) -> float | None:
        return None if one is None or other is None else one - other

    rate_a, rate_d = (a.tp + a.fp) / a.rows, (d.tp + d.fp) / d.rows
    return {
        "DPPL": rate_a - rate_d,
        "DI": _ratio(rate_d, rate_a),
        "DCAcc": less(_ratio(a.tp + a.fn, a.tp + a.fp), _ratio(d.tp + d.fn, d.tp + d.fp)),
        "DCR": less(_ratio(d.tn + d.fp, d.tn + d.fn), _ratio(a.tn + a.fp, a.tn + a.fn)),
        "SD": less(_ratio(d.tn, d.tn + d.fp), _ratio(a.tn, a.tn + a.fp)),
        "RD": less(_ratio(a.tp, a.tp + a.fn), _ratio(d.tp, d.tp + d.fn)),
        "DAR": less(_ratio(a.tp, a.tp + a.fp), _ratio(d.tp, d.tp + d.fp)),
        "DRR": less(_ratio(d.tn, d.tn + d.fn), _ratio(a.tn, a.tn + a.fn)),
        "AD": (a.tp + a.tn) / a.rows - (d.tp + d.tn) / d.rows,
        "TE": less(_ratio(d.fn, d.fp), _ratio(a.fn, a.fp)),
        "GE": generalized_entropy(a, d),
    }


def generalized_entropy(a: Counts, d: Counts) -> float | None:
    """Inequality of the benefits b = y' - y + 1 over all rows, with alpha = 2; None when no row has any."""
    rows = a.rows + d.rows
    twice, once = a.fp + d.fp, a.tp + a.tn + d.tp + d.tn
    mean = (2 * twice + once) / rows
    return None if mean == 0 else ((4 * twice + once) / rows / mean**2 - 1) / 2


def conditional_disparity(groups: Mapping[str, tuple[Counts, Counts]], predicted: bool) -> float | None:
    """CDDL, or with `predicted` CDDPL: demographic disparity of d averaged over groups, weighted by their rows.

    A group in which one of the outcomes does not occur counts 0 for that outcome.
    """
    total = sum(a.rows + d.rows for a, d in groups.values())
    if not total:
        return None
    weighted = 0.0
    for a, d in groups.values():
        yes_a, yes_d = (c.tp + (c.fp if predicted else c.fn) for c in (a, d))
        no_a, no_d = a.rows - yes_a, d.rows - yes_d
        disparity = (_ratio(no_d, no_a + no_d) or 0.0) - (_ratio(yes_d, yes_a + yes_d) or 0.0)
        weighted += (a.rows + d.rows) * disparity
    return weighted / total


def _ratio(part: float, whole: float) -> float | None:
    return None if whole == 0 or math.isnan(whole) else part / whole
