"""How well scores tell the classes apart, whatever they say as probabilities: AUROC, average precision, curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.learning.calibration.intervals import Interval, bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def areas(scores: NDArray[Any], positive: NDArray[Any], patients: Sequence[str], seed: int = 0) -> dict[str, Interval]:
    """AUROC and average precision with 95 % intervals by patient."""
    ordered = _Ordered(scores, positive)
    group = np.asarray(patients, str)
    return {
        "auroc": bootstrap(ordered.auroc, group, seed=seed),
        "auprc": bootstrap(ordered.average_precision, group, seed=seed),
    }


def auroc(scores: NDArray[Any], positive: NDArray[Any]) -> float:
    """The chance that a positive image scores higher than a negative one, a tie counting half; NaN without both.

    Mann, Whitney (1947), https://doi.org/10.1214/aoms/1177730491; Hanley, McNeil, Radiology 143 (1982).
    """
    return float(_Ordered(scores, positive).auroc(np.ones((1, len(scores))))[0])


def average_precision(scores: NDArray[Any], positive: NDArray[Any]) -> float:
    """Precision averaged over the recall it is reached at, without interpolation; the area below the PR curve.

    Davis, Goadrich: The Relationship Between Precision-Recall and ROC Curves, ICML 2006.
    """
    return float(_Ordered(scores, positive).average_precision(np.ones((1, len(scores))))[0])


def curve(scores: NDArray[Any], positive: NDArray[Any]) -> dict[str, Floats]:
    """Thresholds (falling) with sensitivity, 1 - specificity and precision of calling all from there on positive."""
    ordered = _Ordered(scores, positive)
    hits, alarms = (values[0] for values in ordered.cumulated(np.ones((1, len(scores)))))
    return {
        "threshold": ordered.thresholds,
        "sensitivity": hits / hits[-1],
        "false_alarms": alarms / alarms[-1],
        "precision": hits / (hits + alarms),
    }


class _Ordered:
    """Scores from the highest to the lowest, equal ones together, so that any weighting of the images is a few sums."""

    def __init__(self, scores: NDArray[Any], positive: NDArray[Any]) -> None:
        values = np.asarray(scores, float)
        self.order = np.argsort(-values, kind="stable")
        ordered = values[self.order]
        self.first = np.flatnonzero(np.concatenate([[True], np.diff(ordered) != 0]))
        self.thresholds = ordered[self.first]
        self.positive = np.asarray(positive, bool)[self.order]

    def cumulated(self, weights: Floats) -> tuple[Floats, Floats]:
        """Positive and negative weight at or above each threshold: shapes (repeats, thresholds)."""
        ordered = weights[:, self.order]
        parts = (ordered * self.positive, ordered * ~self.positive)
        hits, alarms = (np.add.reduceat(part, self.first, axis=1).cumsum(1) for part in parts)
        return hits, alarms

    def auroc(self, weights: Floats) -> Floats:
        """By the trapezoids below the curve."""
        hits, alarms = self.cumulated(weights)
        start = np.zeros((len(weights), 1))
        width = np.diff(alarms, axis=1, prepend=start)
        height = (hits + np.concatenate([start, hits[:, :-1]], axis=1)) / 2
        with np.errstate(invalid="ignore"):
            return (width * height).sum(1) / (hits[:, -1] * alarms[:, -1])

    def average_precision(self, weights: Floats) -> Floats:
        """By the steps of recall."""
        hits, alarms = self.cumulated(weights)
        steps = np.diff(hits, axis=1, prepend=np.zeros((len(weights), 1)))
        precision = np.divide(hits, hits + alarms, out=np.zeros_like(hits), where=hits + alarms > 0)
        with np.errstate(invalid="ignore"):
            return (steps * precision).sum(1) / hits[:, -1]
