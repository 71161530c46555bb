"""The canvas dogs are drawn on, and outlines on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Outline = Sequence[Sequence[float]] | Points

CANVAS = 128
"""Side of a picture while it is drawn, in pixels."""

_TURN = np.linspace(0, 2 * np.pi, 18, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], 1)


def oval(centre: Sequence[float] | Points, radii: tuple[float, float]) -> Points:
    """Outline of an ellipse, shape (18, 2)."""
    return np.asarray(centre, float) + _CIRCLE * radii


def smooth(points: Outline, rounds: int = 2) -> Points:
    """A closed outline with its corners cut (Chaikin, 1974)."""
    outline = np.asarray(points, float)
    for _ in range(rounds):
        following = np.concatenate([outline[1:], outline[:1]])
        cut = np.empty((2 * len(outline), 2))
        cut[::2], cut[1::2] = 0.75 * outline + 0.25 * following, 0.25 * outline + 0.75 * following
        outline = cut
    return outline


def turned(points: Points, angle: float) -> Points:
    """Points of shape (n, 2) after a turn about the origin."""
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])
