"""Monotone maps from a network's log-odds to probabilities: none, temperature, Platt, isotonic.

All work on the margin, the positive class's score minus the other's, which is the log-odds of their softmax. All are
non-decreasing, so they change what a probability says and never how two images are ranked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize, special

from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

KINDS = ("none", "temperature", "platt", "isotonic")
"""The simplest first: without parameters, with one, with two, with as many as the data ask for."""

FEWEST = 10
"""Images of either class below which nothing is fitted."""

FEWEST_ISOTONIC = 50
"""The same for isotonic regression, which has more to learn."""

SLOPES = (1e-2, 1e2)
"""Limits of a fitted slope: separable classes have no finite one."""

GAP = 0.05
"""Least distance of two knots on the margin. It bounds the slope, so that 32-bit arithmetic cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Map:
    """One fitted map.

    Attributes
    ----------
    slope, intercept
        Of the other kinds: p = 1 / (1 + exp(-(slope x + intercept))) at the margin x; a temperature is 1 / slope.
    knots, values
        Of `isotonic`: p is linear between the knots (margins, ascending) and constant beyond them.
    """

    kind: str
    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def __call__(self, margins: NDArray[Any]) -> Floats:
        """Probabilities of the positive class, of the margins' shape."""
        at = np.asarray(margins, np.float64)
        if self.kind == "isotonic":
            return np.interp(at, self.knots, self.values)
        return special.expit(self.slope * at + self.intercept)

    def record(self) -> dict[str, Any]:
        """As it stands in model.json."""
        if self.kind == "isotonic":
            return {"kind": self.kind, "knots": list(self.knots), "values": list(self.values)}
        return {"kind": self.kind, "slope": self.slope, "intercept": self.intercept}


def fit(kind: str, margins: NDArray[Any], positive: NDArray[Any], fewest: int | None = None) -> Map:
    """Fit one map.

    Parameters
    ----------
    margins
        Shape (n,).
    positive
        Shape (n,): whether each image is of the positive class.
    fewest
        Images needed of either class; None for `FEWEST`, or `FEWEST_ISOTONIC`.

    Raises
    ------
    TrainingError
        An unknown kind, margins that are not finite, too few images of a class, or margins that rank the classes the
        wrong way round.
    """
    if kind not in KINDS:
        raise TrainingError("calibration", kind, f"is no way to calibrate; choose one of {', '.join(KINDS)}")
    usual = FEWEST_ISOTONIC if kind == "isotonic" else FEWEST
    margins, positive = checked(margins, positive, usual if fewest is None else fewest)
    return _FITS[kind](margins, positive)


def checked(margins: NDArray[Any], positive: NDArray[Any], fewest: int) -> tuple[Floats, Flags]:
    """The same as floats and flags, if they are fit to learn from.

    Raises
    ------
    TrainingError
        Otherwise.
    """
    margins, positive = np.asarray(margins, np.float64), np.asarray(positive, bool)
    if margins.shape != positive.shape or margins.ndim != 1:
        raise TrainingError("scores", margins.shape, f"must be one per label; there are {positive.shape} labels")
    if not np.isfinite(margins).all():
        count = int((~np.isfinite(margins)).sum())
        raise TrainingError("scores", f"{count} of {len(margins)}", "are NaN or infinite; train with a smaller step")
    for name, found in (("positive", int(positive.sum())), ("negative", int((~positive).sum()))):
        if found < fewest:
            remedy = f"images of the validation set are {name}, at least {fewest} are needed; stage more patients"
            raise TrainingError("calibration", found, remedy)
    return margins, positive


def _none(_margins: Floats, _positive: Flags) -> Map:
    return Map("none")


def _temperature(margins: Floats, positive: Flags) -> Map:
    """One slope. Guo et al.: On Calibration of Modern Neural Networks, ICML 2017, https://arxiv.org/abs/1706.04599."""
    signed = np.where(positive, -margins, margins)

    def loss(logarithm: float) -> float:
        return float(np.logaddexp(0, np.exp(logarithm) * signed).mean())

    found = optimize.minimize_scalar(loss, bounds=tuple(np.log(SLOPES)), method="bounded", options={"xatol": 1e-9})
    return Map("temperature", slope=float(np.exp(found.x)))


def _platt(margins: Floats, positive: Flags) -> Map:
    """Slope and intercept, with Platt's targets a little inside 0 and 1, so that separable classes stay finite.

    Platt: Probabilistic Outputs for Support Vector Machines (1999), section 2.2.
    """
    hits, misses = positive.sum(), (~positive).sum()
    target = np.where(positive, (hits + 1) / (hits + 2), 1 / (misses + 2))

    def loss(found: Floats) -> tuple[float, Floats]:
        odds = found[0] * margins + found[1]
        wrong = special.expit(odds) - target
        value = np.logaddexp(0, odds) - target * odds
        return float(value.mean()), np.array([(wrong * margins).mean(), wrong.mean()])

    start = np.array([1.0, np.log(hits / misses)])
    found = optimize.minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, SLOPES[1]), (None, None)],
        options={"ftol": 1e-14, "gtol": 1e-10, "maxiter": 1000},
    )
    slope, intercept = (float(value) for value in found.x)
    if slope <= 0:
        raise TrainingError(
            "scores", round(slope, 4), "rank the classes no better than chance on the validation set; train longer"
        )
    return Map("platt", slope=slope, intercept=intercept)


def _isotonic(margins: Floats, positive: Flags) -> Map:
    """The best non-decreasing map, linear between the centres of its steps, so that it keeps apart what was apart.

    Steps: pool adjacent violators. Centres: Oron, Flournoy: Centered Isotonic Regression, Stat. Biopharm. Res. 9
    (2017), https://doi.org/10.1080/19466315.2017.1286256. No step says 0 or 1: n images cannot show more than n + 1 in
    n + 2.
    """
    order = np.argsort(margins, kind="stable")
    at, first, count = np.unique(margins[order], return_index=True, return_counts=True)
    shares = np.add.reduceat(positive[order].astype(float), first) / count
    blocks = optimize.isotonic_regression(shares, weights=count).blocks
    weight = np.add.reduceat(count, blocks[:-1]).astype(float)
    centre = np.add.reduceat(at * count, blocks[:-1]) / weight
    value = np.add.reduceat(shares * count, blocks[:-1]) / weight
    knots: list[float] = []
    values: list[float] = []
    weights: list[float] = []
    for x, y, w in zip(centre, value, weight, strict=True):
        if knots and x - knots[-1] < GAP:  # joined with its neighbour, weighted: still ascending
            total = weights[-1] + w
            knots[-1] = (knots[-1] * weights[-1] + x * w) / total
            values[-1] = (values[-1] * weights[-1] + y * w) / total
            weights[-1] = total
        else:
            knots.append(float(x))
            values.append(float(y))
            weights.append(float(w))
    if len(knots) == 1:  # a line needs two ends, also where it is level
        knots, values = [knots[0], knots[0] + 1], values * 2
    least = 1 / (len(margins) + 2)
    clipped = np.clip(values, least, 1 - least)
    return Map("isotonic", knots=tuple(float(x) for x in knots), values=tuple(float(y) for y in clipped))


_FITS: dict[str, Callable[[Floats, Flags], Map]] = {
    "none": _none,
    "temperature": _temperature,
    "platt": _platt,
    "isotonic": _isotonic,
}
