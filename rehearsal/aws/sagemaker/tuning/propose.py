"""Which hyperparameters the next trial gets.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html (strategies),
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTuningJobConfig.html (RandomSeed).
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, NamedTuple

from rehearsal.aws.sagemaker.tuning import ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rehearsal.aws.sagemaker.tuning.gaussian import Array
    from rehearsal.aws.sagemaker.tuning.ranges import Range

_FIRST = 3  # trials that the Bayesian strategy draws before it believes its model
_DRAWN, _NEARBY = 512, 128


class Tried(NamedTuple):
    """A trial's values, and its score (lower is better; None while it is on its way)."""

    values: dict[str, str]
    score: float | None


def grid(space: Sequence[Range]) -> list[dict[str, str]]:
    """Return every combination of categorical values, in the order of the request."""
    names = [of.name for of in space]
    return [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*(of.values for of in space))]


def drawn(space: Sequence[Range], seed: int, number: int) -> dict[str, str]:
    """Return the ``number``-th random proposal: the same whatever the trials before it have brought."""
    draw = random.Random(f"proposal {seed} {number}")  # noqa: S311 (no secret)
    return _texts(space, [draw.random() for _ in space])


def bayesian(space: Sequence[Range], tried: Sequence[Tried], seed: int, number: int) -> dict[str, str]:
    """Return the proposal with the largest expected improvement, or a drawn one while too little is known.

    Parameters
    ----------
    tried
        The trials that scored or still run: those that failed teach nothing.
    """
    done = [(one.values, one.score) for one in tried if one.score is not None]
    if len(done) < _FIRST:
        return drawn(space, seed, number)
    import numpy as np  # a server that tunes nothing starts without it

    from rehearsal.aws.sagemaker.tuning import gaussian

    best, _ = min(done, key=lambda one: one[1])
    places = gaussian.places(
        np.array([ranges.place(of, best[of.name]) for of in space]), _DRAWN, _NEARBY, (seed, number)
    )
    candidates = [_texts(space, row) for row in places]
    chosen = gaussian.best_candidate(
        _encode(space, [values for values, _ in done]),
        np.array([score for _, score in done], dtype=np.float64),
        _encode(space, [one.values for one in tried if one.score is None]),
        _encode(space, candidates),
    )
    return candidates[chosen]


def _texts(space: Sequence[Range], places: Iterable[float]) -> dict[str, str]:
    return {of.name: ranges.text(of, float(place)) for of, place in zip(space, places, strict=True)}


def _encode(space: Sequence[Range], rows: Sequence[dict[str, str]]) -> Array:
    """Return points for the model, (rows, d): a place for each number, one of n for each category."""
    import numpy as np

    points = [[number for of in space for number in _coordinates(of, row[of.name])] for row in rows]
    width = sum(len(of.values) or 1 for of in space)
    return np.array(points, dtype=np.float64).reshape(len(rows), width)


def _coordinates(of: Range, value: str) -> list[float]:
    if of.kind == "categorical":
        return [1.0 if value == one else 0.0 for one in of.values]
    return [ranges.place(of, value)]
