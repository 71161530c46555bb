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
    left, top, right, bottom = first.T[:, :, None]
    other_left, other_top, other_right, other_bottom = second.T
    # Column by column: numpy is slow along an axis of two.
    wide = np.minimum(right, other_right) - np.maximum(left, other_left)
    high = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    shared = wide.clip(0) * high.clip(0)
    areas = (right - left) * (bottom - top) + (other_right - other_left) * (other_bottom - other_top)
    return shared / (areas - shared)
