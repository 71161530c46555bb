"""How often drift of calibration is found, and how often it is seen where there is none: by simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from training.monitoring import calibration
from training.monitoring.simulation import Rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Truth = Callable[[Floats], Floats]

BAND = (0.1, 0.35)

DRIFTS: dict[str, Truth] = {
    "none": lambda logit: logit,
    "too sure: slope 0.6": lambda logit: 0.6 * logit,
    "half as many ill: intercept -0.7": lambda logit: logit - 0.7,
    "twice as many ill: intercept 0.7": lambda logit: logit + 0.7,
    "wrong in the middle only": lambda logit: logit + 1.5 * np.exp(-((logit + 1) ** 2)),
}
"""The logit of the true chance by the logit of what is said."""


def scores(rng: np.random.Generator, count: int, spread: float = 2.5) -> Floats:
    """Probabilities as a good model says them: a quarter high, the rest low."""
    ill = rng.random(count) < 0.25
    return special.expit(np.where(ill, rng.normal(2.5, spread, count), rng.normal(-3.0, 1.4, count)))


def labels(rng: np.random.Generator, said: Floats, truth: Truth) -> NDArray[np.bool_]:
    """Labels that come true as `truth` has it."""
    return rng.random(len(said)) < special.expit(truth(special.logit(said)))


def alarms(
    runs: int, count: int, known: int, drift: str = "none", *, alpha: float = 0.005, own: float = 0.8, seed: int = 0
) -> Rate:
    """Runs with an alarm among those with labels.

    Parameters
    ----------
    count, known
        Labels that have come, and images of the baseline.
    drift
        One of `DRIFTS`, on top of the model's own fault.
    own
        Slope that the model had when it was made: the baseline knows it only from its images.
    """
    rng = np.random.default_rng(seed)
    hits = 0
    for run in range(runs):
        before = scores(rng, known)
        baseline = calibration.baseline(before, labels(rng, before, lambda logit: own * logit), BAND, "ill")
        now = scores(rng, count)
        true = labels(rng, now, lambda logit: own * DRIFTS[drift](logit))
        hits += bool(calibration.with_labels(baseline, now, true, alpha=alpha, seed=run)["alarms"])
    return Rate(hits, runs)


def unlabelled(runs: int, count: int, known: int, shift: float = 0.0, *, alpha: float = 0.005, seed: int = 0) -> Rate:
    """Runs with an alarm without labels, the logits moved by `shift`."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(runs):
        before = scores(rng, known)
        baseline = calibration.baseline(before, labels(rng, before, DRIFTS["none"]), BAND, "ill")
        now = special.expit(special.logit(scores(rng, count)) + shift)
        hits += bool(calibration.without_labels(baseline, now, alpha=alpha)["alarms"])
    return Rate(hits, runs)
