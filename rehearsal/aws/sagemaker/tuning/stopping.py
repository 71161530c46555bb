"""Which trials are ended before they are done: the median rule, and Hyperband's successive halving.

Scores are lower when better. A trial's n-th score is the n-th value of the objective that its log shows; SageMaker
takes that for its n-th epoch.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html (median rule),
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html (resources); Li and others,
"Hyperband" (2018) and "A System for Massively Parallel Hyperparameter Tuning" (2020), for the brackets and for halving
without waiting for a whole rung.
"""

from __future__ import annotations

import math
import random
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ETA = 3
"""One of so many trials goes on at each rung."""


def worse_than_median(scores: Sequence[float], previous: Sequence[Sequence[float]]) -> bool:
    """Whether a trial's last score is worse than the median of the running averages of previous trials by then.

    Parameters
    ----------
    scores
        Of the trial so far; at least one.
    previous
        All scores of each trial that completed before. Those that ended sooner do not count.
    """
    epoch = len(scores)
    averages = [fmean(other[:epoch]) for other in previous if len(other) >= epoch]
    return bool(averages) and scores[-1] > median(averages)


def bracket(seed: int, number: int, low: int, high: int) -> int:
    """Return the bracket of the ``number``-th trial; later brackets spare their trials for longer and get fewer.

    The shares are those of Hyperband: bracket s of S holds about ``eta^(S-s) * (S+1) / (S-s+1)`` trials.
    """
    last = _halvings(low, high)
    shares = [ETA ** (last - s) * (last + 1) / (last - s + 1) for s in range(last + 1)]
    return random.Random(f"bracket {seed} {number}").choices(range(last + 1), shares)[0]  # noqa: S311 (no secret)


def rungs(bracket: int, low: int, high: int) -> list[int]:
    """Return after how many scores the trials of a bracket are compared; never at ``high``, where they end."""
    return [low * ETA**n for n in range(bracket, _halvings(low, high) + 1) if low * ETA**n < high]


def falls_behind(scores: Sequence[float], rivals: Sequence[Sequence[float]], at: Sequence[int]) -> bool:
    """Whether a trial is not among the best third at a rung that it has just reached or passed.

    Parameters
    ----------
    rivals
        Scores of the other trials of its bracket, whatever became of them.
    at
        Its bracket's rungs.
    """
    for rung in at:
        if len(scores) < rung:
            return False
        reached = sorted([scores[rung - 1], *(other[rung - 1] for other in rivals if len(other) >= rung)])
        if len(reached) >= ETA and scores[rung - 1] > reached[math.ceil(len(reached) / ETA) - 1]:
            return True
    return False


def _halvings(low: int, high: int) -> int:
    """Return how often ``low`` can be multiplied by eta without passing ``high``."""
    times = 0
    while low * ETA ** (times + 1) <= high:
        times += 1
    return times
