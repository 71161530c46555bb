"""Make the pixels of a version: one warp for all geometry, then blur, then noise, all in whole numbers."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.augment.draw import Matrix, Version

    Pixels = NDArray[np.uint8]

_BORDERS = {"constant": cv2.BORDER_CONSTANT, "edge": cv2.BORDER_REPLICATE, "reflect": cv2.BORDER_REFLECT_101}
_STORE = 1 << 22
_DEVIATION = 32.0
"""Standard deviation and length of the store of noise: four deviations of either sign fit into a byte."""


def render(image: Pixels, version: Version, seed: int, out: tuple[int, int] | None = None) -> Pixels:
    """The version of an image: shape (height, width, 1 or 3), or (height, width), as the image's.

    Parameters
    ----------
    image
        uint8, contiguous; the order of the channels does not matter.
    seed
        Decides the store of noise.
    out
        Width and height of the version; the image's where None.
    """
    size = out or (image.shape[1], image.shape[0])
    flat = image.ndim == 3 and image.shape[2] == 1
    made: NDArray[Any] = _warped(image[:, :, 0] if flat else image, version, size)
    if version.blur:
        side = max(3, 2 * math.ceil(2 * version.blur) - 1)
        made = cv2.GaussianBlur(made, (side, side), version.blur)
    if version.noise:
        share = version.noise / _DEVIATION
        made = cv2.addWeighted(made, 1.0, _noise(made, version, seed), share, -128.0 * share)
    return made[:, :, None] if flat else made


def for_opencv(matrix: Matrix) -> NDArray[np.float64]:
    """The same map where pixel 0 lies at 0, not from 0 to 1: shape (2, 3)."""
    a, b, c, d, e, f = matrix
    return np.array([[a, b, c + (a + b - 1) / 2], [d, e, f + (d + e - 1) / 2]])


def _warped(image: Pixels, version: Version, size: tuple[int, int]) -> Pixels:
    matrix, border = for_opencv(version.matrix), _BORDERS[version.border]
    fill = (version.fill,) * 4
    if image.ndim == 2:
        return cv2.warpAffine(image, matrix, size, borderMode=border, borderValue=fill)  # type: ignore[return-value]
    # OpenCV warps four channels in half the time that it takes for three.
    four = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    made = cv2.warpAffine(four, matrix, size, borderMode=border, borderValue=fill)
    return cv2.cvtColor(made, cv2.COLOR_RGBA2RGB)  # type: ignore[return-value]


def _noise(image: Pixels, version: Version, seed: int) -> Pixels:
    """A piece of the store in the image's shape: drawing new noise would cost more than everything else together."""
    in_colour = version.in_colour and image.ndim == 3
    needed = image.size if in_colour else image.shape[0] * image.shape[1]
    store = _store(seed)
    if needed > len(store):
        store = np.resize(store, needed + _STORE)
    begin = int(version.place * (len(store) - needed))
    piece = store[begin : begin + needed].reshape(image.shape if in_colour else image.shape[:2])
    if in_colour or image.ndim == 2:
        return piece
    return cv2.cvtColor(piece, cv2.COLOR_GRAY2RGB)  # type: ignore[return-value]


@cache
def _store(seed: int) -> Pixels:
    drawn = np.random.default_rng(seed).standard_normal(_STORE, dtype=np.float32)
    return np.clip(np.rint(drawn * _DEVIATION + 128), 0, 255).astype(np.uint8)
