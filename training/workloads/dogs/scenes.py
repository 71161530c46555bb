"""What stands behind a drawn dog, and the camera it is seen through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_PLACES = (
    ((172, 206, 236), (118, 158, 82)),  # meadow
    ((214, 226, 238), (236, 238, 242)),  # snow
    ((186, 214, 234), (220, 198, 150)),  # beach
    ((178, 176, 172), (128, 126, 124)),  # street
    ((206, 190, 168), (150, 110, 76)),  # room
    ((96, 120, 84), (104, 92, 60)),  # wood
)
"""Colours of what is far and of the ground."""


def background(rng: np.random.Generator, side: int) -> Image:
    """An empty place of `side` x `side` pixels, RGB."""
    far, ground = _PLACES[int(rng.integers(len(_PLACES)))]
    light = rng.uniform(0.8, 1.15)
    rows = np.linspace(0.9, 1.08, side)[:, None]
    horizon = int(side * rng.uniform(0.35, 0.75))
    column = np.where((np.arange(side) < horizon)[:, None], np.array(far, float), np.array(ground, float)) * rows
    scene = np.repeat((column * light).clip(0, 255).astype(np.uint8)[:, None], side, axis=1)
    for _ in range(int(rng.integers(0, 6))):  # bushes, stones, furniture
        shade = tuple(
            int(value) for value in np.clip(np.array(far) * rng.uniform(0.45, 1.1) + rng.normal(0, 14, 3), 0, 255)
        )
        x, width, height = (int(side * rng.uniform(*limits)) for limits in ((0, 1), (0.05, 0.2), (0.05, 0.3)))
        if rng.random() < 0.5:
            cv2.ellipse(scene, (x, horizon), (width, height), 0, 180, 360, shade, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(scene, (x, horizon - height), (x + width, horizon), shade, -1)
    coarse = rng.normal(0, 9, (12, 12, 3)).astype(np.float32)
    return (scene + cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)).clip(0, 255).astype(np.uint8)


def photograph(scene: Image, rng: np.random.Generator, size: int) -> Image:
    """The scene at `size` x `size` pixels, with the camera's exposure, tint, softness and noise."""
    small: NDArray[Any] = cv2.resize(scene, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.3:
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.4, 0.9)))
    tint = rng.normal(0, 4, 3)
    small = (small - 128) * rng.uniform(0.85, 1.1) + 128 + rng.normal(0, 10) + tint
    return np.rint(small + rng.normal(0, rng.uniform(1, 6), small.shape)).clip(0, 255).astype(np.uint8)
