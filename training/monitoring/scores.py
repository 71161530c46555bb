"""How good predictions were, once their labels are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.monitoring.errors import MonitoringError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

ECE_BINS = 15


def classification(truth: Sequence[str], predicted: Sequence[str]) -> dict[str, Any]:
    """Accuracy, macro F1 and the confusion matrix (rows: true classes) of predicted classes.

    accuracy = correct / all. F1 of a class = 2 TP / (2 TP + FP + FN); macro F1 is their plain mean over all classes
    that occur as label or prediction. Sokolova, Lapalme: A systematic analysis of performance measures, Inf. Process.
    Manag. 45 (2009), https://doi.org/10.1016/j.ipm.2009.03.002.
    """
    _same_length(truth, predicted)
    classes = sorted(set(truth) | set(predicted))
    index = {name: number for number, name in enumerate(classes)}
    matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(matrix, ([index[name] for name in truth], [index[name] for name in predicted]), 1)
    hits = np.diag(matrix)
    f1 = 2 * hits / (matrix.sum(axis=0) + matrix.sum(axis=1))
    return {
        "accuracy": float(hits.sum() / len(truth)),
        "macro_f1": float(f1.mean()),
        "f1": {name: float(value) for name, value in zip(classes, f1, strict=True)},
        "confusion": {
            name: {other: int(matrix[row, column]) for column, other in enumerate(classes)}
            for row, name in enumerate(classes)
        },
    }


def auc(positive: ArrayLike, scores: ArrayLike) -> float | None:
    """Chance that a positive scores above a negative, ties counting half; None when one of the two is missing.

    AUC = (R - P (P + 1) / 2) / (P N), with R the sum of the positives' midranks: the Mann-Whitney U. Hanley, McNeil:
    The meaning and use of the area under a ROC curve, Radiology 143 (1982),
    https://doi.org/10.1148/radiology.143.1.7063747.
    """
    hit, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=float)
    positives = int(hit.sum())
    negatives = hit.size - positives
    if not positives or not negatives:
        return None
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    midrank = np.cumsum(count) - (count - 1) / 2
    total = float(midrank[place][hit].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def macro_auc(truth: Sequence[str], probabilities: NDArray[np.float64], classes: Sequence[str]) -> float | None:
    """Mean of the AUC of each class against the rest; None when no class has both.

    Provost, Domingos (2000), as `multi_class="ovr"` in
    https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_auc_score.html.
    """
    labels = np.asarray(truth)
    areas = [auc(labels == name, probabilities[:, column]) for column, name in enumerate(classes)]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if known else None


def brier(truth: Sequence[str], probabilities: NDArray[np.float64], classes: Sequence[str]) -> float:
    """Mean over rows of the sum over classes of (p - y)^2, halved for two classes so that it is (p1 - y1)^2.

    Brier: Verification of forecasts expressed in terms of probability, Mon. Weather Rev. 78 (1950),
    https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    wanted = np.asarray(truth)[:, None] == np.asarray(classes)[None, :]
    total = float(((probabilities - wanted) ** 2).sum(axis=1).mean())
    return total / 2 if len(classes) == 2 else total


def calibration_error(correct: ArrayLike, confidence: ArrayLike, bins: int = ECE_BINS) -> float:
    """Expected calibration error: sum over bins of n_b / n |accuracy_b - mean confidence_b|, bins of equal width.

    Naeini, Cooper, Hauskrecht: Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015,
    https://doi.org/10.1609/aaai.v29i1.9602.
    """
    right, sure = np.asarray(correct, dtype=float), np.asarray(confidence, dtype=float)
    _same_length(right, sure)
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(place, weights=right - sure, minlength=bins)
    return float(np.abs(gap).sum() / sure.size)


def regression(truth: ArrayLike, predicted: ArrayLike) -> dict[str, float | None]:
    """RMSE = sqrt(mean (y - f)^2), MAE = mean |y - f|, R2 = 1 - sum (y - f)^2 / sum (y - mean y)^2.

    R2 is None when all labels are equal. Names as in Model Monitor,
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html; formulas as in
    https://scikit-learn.org/stable/modules/model_evaluation.html#regression-metrics.
    """
    wanted, given = np.asarray(truth, dtype=float), np.asarray(predicted, dtype=float)
    _same_length(wanted, given)
    error = wanted - given
    squares, spread = float((error**2).sum()), float(((wanted - wanted.mean()) ** 2).sum())
    return {
        "rmse": float(np.sqrt(squares / error.size)),
        "mae": float(np.abs(error).mean()),
        "r2": 1 - squares / spread if spread > 0 else None,
    }


def _same_length(one: Sequence[Any] | NDArray[Any], other: Sequence[Any] | NDArray[Any]) -> None:
    if len(one) != len(other) or not len(one):
        raise MonitoringError("rows", (len(one), len(other)), "labels and predictions must be as many, and some")
