"""Are probabilities still what they say? Captured ones against the baseline that came with the model.

With labels: the recalibration line of Cox (logit of the true chance = intercept + slope x logit of what was said; 0 and
1 for a calibrated model), the calibration error and the Brier score, all against the line the model had on its test
patients. Without labels: the distribution of what is said, and of the verdicts.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from training.monitoring import drift, formulas, scores
from training.monitoring.columns import Numbers, Texts
from training.monitoring.errors import MonitoringError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REPLICATES = 1999
"""Of the simulated labels: the least p-value is 1 in 2,000, below what three corrected tests need at alpha 0.005."""

LEAST_ERROR = 0.02
"""By how much the calibration error must exceed what chance alone makes of it to matter."""

LARGEST_LOGIT = 12.0
"""Beyond it a probability is as good as 0 or 1."""

BINS = 10
"""Of the calibration error: labels come late and few, and 15 bins would be empty."""

_CELLS = 4_000_000
"""Simulated labels held at a time."""

VERDICTS = ("negative", "abstain", "positive")


@dataclass(frozen=True)
class Test:
    """One test: its statistic, what it is without drift (mean), and the chance of one as great."""

    name: str
    value: float
    expected: float
    p_value: float
    adjusted: float
    alarm: bool


def baseline(
    probabilities: NDArray[Any],
    positive: NDArray[Any],
    band: tuple[float, float],
    name: str,
    patients: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What to ship with a model.

    Parameters
    ----------
    probabilities, positive
        Shape (n,): of images that neither the network nor its calibration has seen.
    band
        Where the model abstains.
    name
        The class the probabilities are of.
    patients
        Of each image. Scores are kept for one image of each, because the tests take them as independent; the
        recalibration line has its covariance by patient.
    """
    p, y = np.asarray(probabilities, float), np.asarray(positive, bool)
    who = np.arange(len(p)) if patients is None else np.unique(np.asarray(patients, str), return_inverse=True)[1]
    line, covariance = recalibration(p, y, who)
    _, first = np.unique(who, return_index=True)
    return {
        "version": 1,
        "class": name,
        "band": list(band),
        "images": len(p),
        "prevalence": float(y.mean()),
        "scores": sorted(round(float(score), 6) for score in p[first]),
        "line": {"intercept": line[0], "slope": line[1], "covariance": [list(row) for row in covariance.tolist()]},
        "ece": scores.calibration_error(y, p, BINS),
        "brier": float(((p - y) ** 2).mean()),
    }


def recalibration(p: Floats, y: NDArray[Any], groups: NDArray[Any] | None = None) -> tuple[tuple[float, float], Floats]:
    """Cox's intercept and slope with their covariance, robust to images that come in groups.

    Cox: Two Further Applications of a Model for Binary Regression, Biometrika 45 (1958),
    https://doi.org/10.1093/biomet/45.3-4.562. Newton's steps on the likelihood with a weak normal prior around (0, 1)
    (standard deviation 3), so that labels that scores part completely still give a line. Sandwich: Liang, Zeger,
    Biometrika 73 (1986), https://doi.org/10.1093/biomet/73.1.13.
    """
    design, outcome = _design(p), np.asarray(y, float)
    found, prior, ridge = np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.eye(2) / 9
    for _ in range(50):
        chance = special.expit(design @ found)
        curvature = design.T @ (design * (chance * (1 - chance))[:, None]) + ridge
        step = np.linalg.solve(curvature, design.T @ (outcome - chance) - ridge @ (found - prior))
        # Shortened where the logistic is flat, so that no step leaps over the maximum.
        found = found + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-10:
            break
    inverse = np.linalg.inv(curvature)
    residual = design * (outcome - chance)[:, None]
    _, at = np.unique(np.arange(len(outcome)) if groups is None else groups, return_inverse=True)
    sums = np.stack([np.bincount(at, residual[:, k]) for k in (0, 1)], 1)
    return (float(found[0]), float(found[1])), inverse @ (sums.T @ sums) @ inverse


def with_labels(
    known: Mapping[str, Any], probabilities: NDArray[Any], positive: NDArray[Any], *, alpha: float, seed: int = 0
) -> dict[str, Any]:
    """Has the relation of what is said to what is true changed since the baseline?

    Labels are drawn again and again as the baseline's own line would have them, the line itself drawn anew each time
    from what the baseline knows of it; each p-value is the share of draws whose statistic is as great. So the chance of
    a false alarm is at most `alpha` for any number of images, as far as these are independent, and for all three tests
    together (Holm).

    Raises
    ------
    MonitoringError
        The baseline is damaged.
    """
    p, y = np.asarray(probabilities, float), np.asarray(positive, bool)
    if len(p) < drift.FEWEST:
        return {"labels": len(p), "tests": [], "alarms": [], "too_few": True}
    line, covariance = _line(known)
    rng = np.random.default_rng(seed)
    design = _design(p)
    truth = _statistics(p, y[None, :].astype(float), design, line, covariance)
    drawn = []
    for start in range(0, REPLICATES, size := max(1, _CELLS // len(p))):
        count = min(size, REPLICATES - start)
        lines = rng.multivariate_normal(line, covariance, size=count, method="cholesky")
        chance = special.expit((lines @ design.T).astype(np.float32))
        labels = (rng.random(chance.shape, dtype=np.float32) < chance).astype(np.float32)
        drawn.append(_statistics(p, labels, design, line, covariance))
    spread = {name: np.concatenate([part[name] for part in drawn]) for name in truth}
    p_values = {name: float((1 + (spread[name] >= truth[name][0] - 1e-12).sum()) / (REPLICATES + 1)) for name in truth}
    adjusted = formulas.adjust(list(p_values.values()))
    expected = {name: float(spread[name].mean()) for name in truth}
    excess = float(truth["ece"][0]) - expected["ece"]
    tests = [
        Test(name, float(truth[name][0]), expected[name], p_values[name], corrected, corrected < alpha and matters)
        for (name, corrected), matters in zip(
            zip(truth, adjusted, strict=True), (True, excess >= LEAST_ERROR, True), strict=True
        )
    ]
    (intercept, slope), errors = recalibration(p, y)
    return {
        "labels": len(p),
        "prevalence": float(y.mean()),
        "mean_probability": float(p.mean()),
        "intercept": intercept,
        "intercept_error": math.sqrt(errors[0, 0]),
        "slope": slope,
        "slope_error": math.sqrt(errors[1, 1]),
        "ece": float(truth["ece"][0]),
        "brier": float(truth["brier"][0]),
        "before": {name: known[name] for name in ("ece", "brier", "prevalence")} | {"line": list(line)},
        "tests": [asdict(test) for test in tests],
        "alarms": [test.name for test in tests if test.alarm],
        "too_few": False,
    }


def without_labels(known: Mapping[str, Any], probabilities: NDArray[Any], *, alpha: float) -> dict[str, Any]:
    """Have the scores, or the shares of the verdicts, changed since the baseline?

    The tests of `drift`, with their corrections and least distances: Cramer-von Mises for scores, chi-square for
    verdicts. No alarm says that probabilities are wrong: it may be that other people come.
    """
    try:
        before, low, high = np.asarray(known["scores"], float), *map(float, known["band"])
        if before.ndim != 1 or not len(before) or not np.isfinite(before).all():
            raise ValueError("scores")
    except (KeyError, TypeError, ValueError) as error:
        raise MonitoringError(
            "baseline", "scores, band", f"cannot be used ({error!r}): train the model again"
        ) from None
    now = np.asarray(probabilities, float)
    columns = [_columns(values, low, high) for values in (before, now)]
    found = drift.compare(columns[0], columns[1], drift.Limits(alpha=alpha)) if len(now) else []
    verdicts = [columns[k]["verdict"] for k in (0, 1)]
    shares = [_shares(column) for column in verdicts if isinstance(column, Texts)]
    return {
        "rows": len(now),
        "shares": dict(zip(("before", "now"), shares, strict=True)),
        "tests": [asdict(one) for one in found],
        "alarms": [one.feature for one in found if one.alarm],
    }


def _statistics(
    p: Floats, labels: NDArray[Any], design: Floats, line: tuple[float, float], covariance: Floats
) -> dict[str, Floats]:
    """Statistics of many sets of labels at once, shape (sets, n): the score test of Cox's line, ECE, Brier.

    Score test: U' (I + I V I)^-1 U with U = sum of (y - p*) (1, logit p), I its information at the baseline's line, V
    that line's covariance. Rao (1948), https://doi.org/10.1017/S0305004100023987.
    """
    chance = special.expit(design @ np.asarray(line))
    information = design.T @ (design * (chance * (1 - chance))[:, None])
    weight = np.linalg.pinv(information + information @ covariance @ information)
    wide = labels.astype(np.float64, copy=False)
    score = wide @ design - chance @ design
    at = np.clip(np.ceil(p * BINS).astype(int) - 1, 0, BINS - 1)
    members = np.zeros((len(p), BINS))
    members[np.arange(len(p)), at] = 1
    gaps = np.abs(p @ members - wide @ members).sum(1) / len(p)
    return {
        "cox": np.einsum("ij,jk,ik->i", score, weight, score),
        "ece": gaps,
        # (p - y)^2 = p^2 + y (1 - 2 p) for y of 0 or 1.
        "brier": ((p**2).sum() + wide @ (1 - 2 * p)) / len(p),
    }


def _design(p: NDArray[Any]) -> Floats:
    logit = np.clip(special.logit(np.clip(np.asarray(p, float), 0, 1)), -LARGEST_LOGIT, LARGEST_LOGIT)
    return np.stack([np.ones(len(logit)), logit], 1)


def _line(known: Mapping[str, Any]) -> tuple[tuple[float, float], Floats]:
    try:
        line = known["line"]
        covariance = np.asarray(line["covariance"], float)
        whole = covariance.shape == (2, 2) and bool(np.isfinite(covariance).all())
        if not whole or float(np.linalg.eigvalsh(covariance).min()) < -1e-12:
            raise ValueError("covariance")
        return (float(line["intercept"]), float(line["slope"])), covariance + 1e-12 * np.eye(2)
    except (KeyError, TypeError, ValueError) as error:
        raise MonitoringError("baseline", "line", f"cannot be used ({error!r}): train the model again") from None


def _columns(values: Floats, low: float, high: float) -> dict[str, Numbers | Texts]:
    numbers, texts = Numbers(), Texts()
    numbers.add_floats(values)
    found = np.where(values >= high, 2, np.where(values < low, 0, 1))
    texts.counts = Counter({name: int((found == k).sum()) for k, name in enumerate(VERDICTS)})
    texts.present = len(values)
    return {"probability": numbers, "verdict": texts}


def _shares(verdicts: Texts) -> dict[str, float]:
    return {name: verdicts.counts[name] / max(verdicts.present, 1) for name in VERDICTS}
