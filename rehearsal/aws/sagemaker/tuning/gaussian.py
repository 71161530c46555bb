"""A small Gaussian-process optimiser: where in the unit cube is the largest improvement to be expected next?

Matérn-5/2 kernel whose length and noise maximise the marginal likelihood, expected improvement as the acquisition.
Formulas: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), chapters 2, 4 and 5; Jones, Schonlau
and Welch, "Efficient Global Optimization" (1998), for the acquisition.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)
_NOISES = (1e-6, 1e-3, 1e-1)
_NEAR = 0.05  # spread of the candidates around the best point so far
_ERF = np.vectorize(math.erf, otypes=[np.float64])


class _Fit(NamedTuple):
    points: Array
    length: float
    lower: Array
    weights: Array


def best_candidate(points: Array, scores: Array, pending: Array, candidates: Array) -> int:
    """Return the index of the most promising candidate.

    Parameters
    ----------
    points, scores
        What has been tried, (n, d) in the unit cube, and how well it went, (n,): lower is better.
    pending
        (m, d): trials still on their way. Each is believed to end at its expected score, so that trials that run at the
        same time look in different places.
    candidates
        (c, d).
    """
    spread = float(scores.std())
    targets = (scores - scores.mean()) / (spread if spread > 0 else 1.0)
    fit = _fit(points, targets)
    if len(pending):
        believed, _ = _predict(fit, pending)
        points, targets = np.vstack([points, pending]), np.concatenate([targets, believed])
        fit = _posterior(points, targets, fit.length, _NOISES[0])
    mean, deviation = _predict(fit, candidates)
    gain = float(targets.min()) - mean
    ratio = gain / deviation
    normal = np.exp(-0.5 * ratio**2) / math.sqrt(2 * math.pi)
    improvement = gain * 0.5 * (1 + _ERF(ratio / math.sqrt(2))) + deviation * normal
    return int(improvement.argmax())


def places(best: Array, anywhere: int, near: int, seed: tuple[int, int]) -> Array:
    """Return (anywhere + near, d) random points of the unit cube, the last of them near ``best``."""
    random = np.random.default_rng(seed)
    close = best + random.normal(0.0, _NEAR, (near, len(best)))
    return np.vstack([random.random((anywhere, len(best))), np.clip(close, 0.0, 1.0)])


def _fit(points: Array, targets: Array) -> _Fit:
    """Choose length and noise by the marginal likelihood."""
    choices = [_posterior(points, targets, length, noise) for length in _LENGTHS for noise in _NOISES]
    return max(choices, key=lambda fit: -0.5 * float(targets @ fit.weights) - float(np.log(np.diag(fit.lower)).sum()))


def _posterior(points: Array, targets: Array, length: float, noise: float) -> _Fit:
    covariance = _kernel(points, points, length) + (noise + 1e-9) * np.eye(len(points))
    lower = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    weights = np.linalg.solve(lower.T, np.linalg.solve(lower, targets))
    return _Fit(points, length, lower, np.asarray(weights, dtype=np.float64))


def _predict(fit: _Fit, at: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation, (c,) each."""
    across = _kernel(fit.points, at, fit.length)
    explained = np.linalg.solve(fit.lower, across)
    variance = np.maximum(1.0 - (explained**2).sum(axis=0), 1e-12)
    return across.T @ fit.weights, np.sqrt(variance)


def _kernel(a: Array, b: Array, length: float) -> Array:
    apart = np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)) * math.sqrt(5.0) / length
    return np.asarray((1 + apart + apart**2 / 3) * np.exp(-apart))
