"""From calibrated probabilities to verdicts: a threshold for a stated sensitivity, and a band where nobody decides."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import TrainingError
from training.learning.calibration.intervals import effective, lower, proportion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

CUTS = 200
"""Probabilities tried as ends of the band."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is demanded of verdicts.

    Attributes
    ----------
    sensitivity
        Share of ill images to be called positive at the threshold, and of the decided ones outside the band.
    specificity
        Share of healthy ones among the decided to be called negative; 0 demands nothing.
    ppv, prevalence
        Share of positive verdicts to be right where so large a share is ill; 0 demands nothing.
    confidence
        Chance with which the validation set must vouch for sensitivity, specificity and PPV; 0.5 takes them as found.
    """

    sensitivity: float
    specificity: float = 0.0
    ppv: float = 0.0
    prevalence: float = 0.1
    confidence: float = 0.5


@dataclass(frozen=True, slots=True)
class Rule:
    """Negative below the band, positive from its upper end on, no verdict inside; an empty band is a threshold."""

    threshold: float
    abstain: tuple[float, float]

    def verdicts(self, probabilities: NDArray[Any]) -> NDArray[np.int64]:
        """1 positive, 0 negative, -1 abstained."""
        low, high = self.abstain
        p = np.asarray(probabilities, float)
        return np.where(p >= high, 1, np.where(p < low, 0, -1))


def threshold(probabilities: NDArray[Any], positive: NDArray[Any], patients: Sequence[str], goal: Goal) -> float:
    """The highest threshold that finds the demanded share of the positive images.

    With a confidence above 0.5, the one-sided lower limit (Clopper-Pearson over as many images as the patients are
    worth) must reach it, not the share itself.

    Raises
    ------
    TrainingError
        The validation set has too few positive images to vouch for it at any threshold.
    """
    at = np.asarray(positive, bool)
    p, group = np.asarray(probabilities, float)[at], np.asarray(patients, str)[at]
    cuts = np.unique(p)
    for cut in cuts[::-1]:
        found = p >= cut
        if found.mean() >= goal.sensitivity and _vouched(found, group, goal.confidence) >= goal.sensitivity:
            return _between(np.asarray(probabilities, float), float(cut))
    needed = int(np.ceil(np.log(1 - goal.confidence) / np.log(goal.sensitivity))) if goal.sensitivity < 1 else None
    remedy = (
        f"at confidence {goal.confidence:g} asks for {needed or 'endlessly many'} ill patients in validation, there "
        f"are {len(np.unique(group))}; stage more, or lower one of the two"
    )
    raise TrainingError("target_sensitivity", goal.sensitivity, remedy)


def band(
    probabilities: NDArray[Any], positive: NDArray[Any], patients: Sequence[str], goal: Goal, at: float
) -> tuple[float, float]:
    """The band around the threshold `at` that leaves the fewest images undecided and keeps every goal outside of it.

    Raises
    ------
    TrainingError
        No band does.
    """
    p, y = np.asarray(probabilities, float), np.asarray(positive, bool)
    group = np.asarray(patients, str)
    cuts = np.unique(np.concatenate([p, [at]]))
    if len(cuts) > CUTS:
        cuts = np.unique(np.concatenate([np.quantile(p, np.linspace(0, 1, CUTS), method="higher"), [at]]))
    ends = np.array([_between(p, float(cut)) if cut != at else at for cut in cuts])
    lows, highs = np.append(ends[ends < at], at), np.append(at, ends[ends > at])
    missed = np.array([(p[y] < low).sum() for low in lows])[:, None]
    cleared = np.array([(p[~y] < low).sum() for low in lows])[:, None]
    found = np.array([(p[y] >= high).sum() for high in highs])[None, :]
    alarms = np.array([(p[~y] >= high).sum() for high in highs])[None, :]
    # Widest first where the estimate decides: the limits need each pair, and are asked only of pairs that come near.
    sensitivity, specificity = _ratio(found, found + missed), _ratio(cleared, cleared + alarms)
    likely = (sensitivity >= goal.sensitivity) & (specificity >= goal.specificity)
    # Of all positive verdicts, whether others of the class are decided or not: so by the rates among all.
    likely &= predictive(_ratio(found, y.sum()), 1 - _ratio(alarms, (~y).sum()), goal.prevalence)[0] >= goal.ppv
    abstained = len(p) - (missed + cleared + found + alarms)
    width = highs[None, :] - lows[:, None]
    order = np.lexsort((width.ravel(), abstained.ravel()))
    for pair in order[likely.ravel()[order]]:
        row, column = divmod(int(pair), len(highs))
        if found[0, column] + missed[row, 0] and _keeps(Rule(at, (lows[row], highs[column])), p, y, group, goal):
            return float(lows[row]), float(highs[column])
    remedy = (
        f"with specificity {goal.specificity:g} and PPV {goal.ppv:g} at prevalence {goal.prevalence:g} and confidence "
        f"{goal.confidence:g} is out of reach, whatever is left undecided; lower a goal or train a better model"
    )
    raise TrainingError("target_sensitivity", goal.sensitivity, remedy)


def band_of_costs(missed: float, alarm: float, undecided: float) -> tuple[float, float]:
    """The band that costs least, for calibrated probabilities: decide only where that costs less than not to.

    Chow: On Optimum Recognition Error and Reject Tradeoff, IEEE Trans. Inf. Theory 16 (1970),
    https://doi.org/10.1109/TIT.1970.1054406, with unequal costs: negative below undecided / missed, positive from
    1 - undecided / alarm on. Where these cross, abstaining never pays and the band is empty.

    Raises
    ------
    TrainingError
        A cost that is not above 0.
    """
    for name, cost in (("cost_missed", missed), ("cost_alarm", alarm), ("cost_undecided", undecided)):
        if not cost > 0:
            raise TrainingError(name, cost, "must be above 0; only the costs' ratios matter")
    low, high = undecided / missed, 1 - undecided / alarm
    if low < high:
        return low, high
    decided = alarm / (alarm + missed)
    return decided, decided


def judge(probabilities: NDArray[Any], positive: NDArray[Any], patients: Sequence[str], rule: Rule) -> dict[str, Any]:
    """What a rule does on images it was not chosen by: shares with 95 % intervals, and the counts behind them."""
    y, group = np.asarray(positive, bool), np.asarray(patients, str)
    p = np.asarray(probabilities, float)
    verdicts = rule.verdicts(p)
    decided = verdicts >= 0

    def share(hits: Flags, among: Flags) -> dict[str, Any]:
        return proportion(hits[among], group[among]).record()

    alone = p >= rule.threshold
    return {
        "rule": asdict(rule),
        "at_threshold": {"sensitivity": share(alone, y), "specificity": share(~alone, ~y)},
        "abstained": share(~decided, np.ones(len(y), bool)),
        "decided": {
            "sensitivity": share(verdicts == 1, y & decided),
            "specificity": share(verdicts == 0, ~y & decided),
            "ppv": share(y, verdicts == 1),
            "npv": share(~y, verdicts == 0),
        },
        # Rows: true class; columns: negative, abstained, positive.
        "confusion": [[int(((verdicts == v) & (y == k)).sum()) for v in (0, -1, 1)] for k in (False, True)],
    }


def at_prevalences(judged: dict[str, Any], shares: Sequence[float]) -> list[dict[str, float]]:
    """What the same rule means where more or fewer are ill: PPV and NPV of the decided, and the share abstained.

    Bayes' rule with the rates found on the test set, which stay as they are if only the share of ill people differs
    (prior shift), and not if the ill look different there.
    """
    (cleared, open_healthy, alarms), (missed, open_ill, found) = judged["confusion"]
    rows = []
    for share in shares:
        healthy = (1 - share) / max(cleared + open_healthy + alarms, 1)
        ill = share / max(missed + open_ill + found, 1)
        positive, negative = ill * found + healthy * alarms, ill * missed + healthy * cleared
        rows.append(
            {
                "prevalence": share,
                "ppv": ill * found / positive if positive else 0.0,
                "npv": healthy * cleared / negative if negative else 0.0,
                "abstained": ill * open_ill + healthy * open_healthy,
            }
        )
    return rows


def net_benefit(probabilities: NDArray[Any], positive: NDArray[Any], odds_at: NDArray[Any]) -> dict[str, Floats]:
    """Decision curves: right positives less wrong ones at the exchange rate a threshold implies, per image.

    Vickers, Elkin: Decision Curve Analysis, Med. Decis. Making 26 (2006), https://doi.org/10.1177/0272989X06295361.

    Parameters
    ----------
    odds_at
        Thresholds, each the probability at which treating is as good as not.
    """
    p, y, cuts = np.asarray(probabilities, float), np.asarray(positive, bool), np.asarray(odds_at, float)
    rate = cuts / (1 - cuts)
    found = np.array([(y & (p >= cut)).mean() for cut in cuts])
    alarms = np.array([(~y & (p >= cut)).mean() for cut in cuts])
    return {"model": found - alarms * rate, "all": y.mean() - (1 - y.mean()) * rate, "none": np.zeros(len(cuts))}


def predictive(sensitivity: Any, specificity: Any, prevalence: float) -> tuple[Any, Any]:
    """PPV and NPV at a prevalence, by Bayes' rule; 1 where nobody gets that verdict."""
    right, wrong = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    clear, lost = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return _ratio(right, right + wrong), _ratio(clear, clear + lost)


def _keeps(rule: Rule, p: Floats, y: Flags, group: NDArray[Any], goal: Goal) -> bool:
    verdicts = rule.verdicts(p)
    ill, healthy = y & (verdicts >= 0), ~y & (verdicts >= 0)
    sensitivity = _vouched(verdicts[ill] == 1, group[ill], goal.confidence)
    if sensitivity < goal.sensitivity:
        return False
    if goal.specificity == 0 and goal.ppv == 0:
        return True
    if _vouched(verdicts[healthy] == 0, group[healthy], goal.confidence) < goal.specificity:
        return False
    found, spared = (
        _vouched(hits[at], group[at], goal.confidence) for hits, at in ((verdicts == 1, y), (verdicts < 1, ~y))
    )
    return float(predictive(found, spared, goal.prevalence)[0]) >= goal.ppv


def _vouched(hits: Flags, group: NDArray[Any], confidence: float) -> float:
    """The share of hits that the images vouch for with this confidence; as found for 0.5."""
    if not len(hits):
        return 0.0
    share = float(np.mean(hits))
    if confidence <= 0.5:
        return share
    size = effective(hits, group)
    return lower(share * size, size, 1 - confidence)


def _between(p: Floats, cut: float) -> float:
    """Half way from `cut` to the next lower probability, so that rounding moves no image across."""
    below = p[p < cut]
    return (float(below.max()) + cut) / 2 if len(below) else cut / 2


def _ratio(part: Any, whole: Any) -> Any:
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.ones(np.broadcast(part, whole).shape), where=whole > 0)
