"""Non-maximum suppression: of boxes that mean the same thing, the surest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def suppress(boxes: NDArray[np.float32], classes: NDArray[np.int64], limit: float) -> NDArray[np.intp]:
    """Positions of the boxes that stay: none overlaps a better one of its class that stays by more than `limit`.

    Parameters
    ----------
    boxes
        Shape (n, 4): left, top, right, bottom, with an area above 0; the best first.
    classes
        Shape (n,).
    limit
        Intersection over union.

    The greedy walk from best to worst, done for all boxes at once: a box stays while no better one that stays covers
    it. Each round settles at least one more box of every chain of boxes that cover each other, and there is only one
    answer that a further round leaves as it is.
    """
    better = np.triu(overlaps(boxes, boxes) > limit, 1) & (classes[:, None] == classes)
    stays = np.ones(len(boxes), bool)
    while True:
        after = ~(better & stays[:, None]).any(axis=0)
        if (after == stays).all():
            return np.flatnonzero(stays)
        stays = after


def overlaps(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every box of one list, shape (n, 4), with every one of another, (m, 4): (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clip(0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1] - shared)
