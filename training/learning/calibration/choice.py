"""Which calibration to take: by its cross-validated loss on the validation patients, and by nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import TrainingError
from training.learning.calibration import maps
from training.learning.calibration.maps import Map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FOLDS, REPEATS = 5, 4

TOLERANCE = 0.01
"""Share of the best log loss that a simpler map may cost."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to calibrate, judged on patients it was not fitted to.

    Attributes
    ----------
    log_loss, brier
        Means over the images; None where there were too few images to fit it.
    difference, standard_error
        Of its log loss to that of the best candidate: mean over the images, and its standard error by patient.
    """

    kind: str
    log_loss: float | None
    brier: float | None
    difference: float | None
    standard_error: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    """The map to serve, and why."""

    map: Map
    candidates: tuple[Candidate, ...]
    patients: int

    def record(self) -> dict[str, Any]:
        """As it stands in metrics.json."""
        return {
            "chosen": self.map.record(),
            "folds": FOLDS,
            "repeats": REPEATS,
            "patients": self.patients,
            "candidates": [asdict(candidate) for candidate in self.candidates],
        }


def choose(
    margins: NDArray[Any], positive: NDArray[Any], patients: Sequence[str], *, asked: str = "auto", seed: int = 0
) -> Choice:
    """Fit the map with the lowest cross-validated log loss, or a simpler one that is as good but for `TOLERANCE`.

    Folds hold whole patients: two images of a patient are alike, and a map judged on the one after it was fitted to the
    other would look better than it is. The usual rule, the simplest within a standard error of the best, is not taken:
    with some hundred images that error is so wide that scores moved by class weights would be left as they are.

    Parameters
    ----------
    patients
        Of each image.
    asked
        `auto`, or the kind to take whatever the losses say; they are computed all the same.

    Raises
    ------
    TrainingError
        Too few images or patients of a class, or margins that cannot be calibrated.
    """
    margins, positive = maps.checked(margins, positive, maps.FEWEST)
    _, group = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    if asked not in {"auto", *maps.KINDS}:
        raise TrainingError("calibration", asked, f"is not known; choose auto or one of {', '.join(maps.KINDS)}")
    for name, of_class in (("positive", positive), ("negative", ~positive)):
        found = len(np.unique(group[of_class]))
        if found < FOLDS:
            remedy = f"patients of the validation set are {name}, at least {FOLDS} are needed; stage more patients"
            raise TrainingError("calibration", found, remedy)
    losses: dict[str, NDArray[np.float64]] = {}
    briers: dict[str, float] = {}
    rng = np.random.default_rng(seed)
    splits = [_folds(group, positive, rng) for _ in range(REPEATS)]
    for kind in maps.KINDS:
        try:
            maps.fit(kind, margins, positive)
            given = np.stack([_held_out(kind, margins, positive, fold) for fold in splits])
        except TrainingError:
            if kind == asked:
                raise
            continue
        losses[kind] = log_losses(given, positive).mean(0)
        briers[kind] = float(((given - positive) ** 2).mean())
    best = min(losses, key=lambda kind: float(losses[kind].mean()))
    candidates = []
    for kind in maps.KINDS:
        if kind not in losses:
            candidates.append(Candidate(kind, None, None, None, None))
            continue
        gap = losses[kind] - losses[best]
        error = _error_by_patient(gap, group)
        candidates.append(Candidate(kind, float(losses[kind].mean()), briers[kind], float(gap.mean()), error))
    taken = asked
    if asked == "auto":
        allowed = TOLERANCE * float(losses[best].mean())
        taken = next(one.kind for one in candidates if one.difference is not None and one.difference <= allowed)
    return Choice(maps.fit(taken, margins, positive), tuple(candidates), int(group.max()) + 1)


def log_losses(probabilities: NDArray[Any], positive: NDArray[Any]) -> NDArray[np.float64]:
    """-log of the probability of what was true, never infinite: shape of `probabilities`."""
    right = np.where(positive, probabilities, 1 - probabilities)
    return -np.log(np.clip(right, 1e-12, 1))


def _folds(group: NDArray[np.intp], positive: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.intp]:
    """The fold of each image: patients dealt out in turn, first those with a positive image."""
    count = int(group.max()) + 1
    ill = np.zeros(count, bool)
    np.logical_or.at(ill, group, positive)
    order = rng.permutation(count)
    order = order[np.argsort(~ill[order], kind="stable")]
    fold = np.empty(count, np.intp)
    fold[order] = np.arange(count) % FOLDS
    return fold[group]


def _held_out(
    kind: str, margins: NDArray[np.float64], positive: NDArray[np.bool_], fold: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Each image's probability by the map fitted to the patients of the other folds."""
    given = np.empty(len(margins))
    for number in range(FOLDS):
        out = fold == number
        # Whether there are enough is a question to all of them; a fold has a fifth less.
        given[out] = maps.fit(kind, margins[~out], positive[~out], fewest=1)(margins[out])
    return given


def _error_by_patient(values: NDArray[np.float64], group: NDArray[np.intp]) -> float:
    """Standard error of the mean of values that come in groups."""
    centred = np.bincount(group, values - values.mean())
    count = len(centred)
    if count < 2:
        return float("inf")
    return float(np.sqrt((centred**2).sum() * count / (count - 1)) / len(values))
