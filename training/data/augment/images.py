"""Versions of images in memory: one with its boxes, or a batch while training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.data.augment import boxes as moving
from training.data.augment.draw import draw
from training.data.augment.pixels import render
from training.data.augment.policy import Policy, for_boxes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from training.data.records import Box

    Pixels = NDArray[np.uint8]

_USUAL = Policy()


def version(
    image: Pixels,
    name: str,
    copy: int,
    *,
    seed: int,
    policy: Policy = _USUAL,
    out: tuple[int, int] | None = None,
) -> Pixels:
    """One version of an image: uint8 of the same shape, or `out` (width, height)."""
    size = (image.shape[1], image.shape[0])
    return render(image, draw(policy, seed, name, copy, size=size, out=out), seed, out)


def version_with_boxes(
    image: Pixels, boxes: Iterable[Box], name: str, copy: int, *, seed: int, policy: Policy = _USUAL
) -> tuple[Pixels, tuple[Box, ...]]:
    """One version of an image with its boxes; those of which too little is left are dropped."""
    policy = for_boxes(policy)
    size = (image.shape[1], image.shape[0])
    drawn = draw(policy, seed, name, copy, size=size)
    return render(image, drawn, seed), moving.moved(boxes, drawn.matrix, size, policy.visible)


def batch(images: Pixels, positions: Sequence[int], epoch: int, *, seed: int, policy: Policy = _USUAL) -> Pixels:
    """Versions of a batch while training, without a disk; the same again after an interruption.

    Parameters
    ----------
    images
        uint8 of shape (n, height, width, channels).
    positions
        Number of each image in its dataset: together with `epoch` and `seed` it decides the version.
    """
    made = np.empty_like(images)
    for place, position in enumerate(positions):
        made[place] = version(images[place], str(position), epoch, seed=seed, policy=policy)
    return made
