"""A canvas that knows whose each of its pixels is, and the camera through which the scene is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]

NOBODY = -1
_SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""
_FAR = 4000.0
"""Pixels beyond which a point is not drawn any further out, so that OpenCV's coordinates do not overflow."""


class Window(NamedTuple):
    """Part of a canvas; the ends lie just outside of it."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole at (0, 0, `height`) that looks along y; its film is shifted, so that what is upright stays upright.

    Attributes
    ----------
    focal, centre, horizon
        In pixels: focal length, column of the axis, row of the horizon.
    height
        In metres above the ground.
    """

    focal: float
    centre: float
    horizon: float
    height: float

    def see(self, points: ArrayLike) -> Array:
        """Where points of shape (..., 3) (right, ahead, up, in metres) appear: (..., 2), columns and rows."""
        place = np.asarray(points, float)
        scale = self.focal / np.maximum(place[..., 1], 0.3)
        seen = np.empty((*place.shape[:-1], 2))
        seen[..., 0] = self.centre + scale * place[..., 0]
        seen[..., 1] = self.horizon + scale * (self.height - place[..., 2])
        return seen


class Canvas:
    """Pixels of shape (height, width, 3), RGB from 0 to 255 as floats, and the owner of each."""

    def __init__(self, height: int, width: int) -> None:
        self.pixels = np.zeros((height, width, 3), np.float32)
        self.owner = np.full((height, width), NOBODY, np.int16)
        self.painter = NOBODY

    def fill(self, points: Array, colour: ArrayLike, lower: ArrayLike | None = None, alpha: float = 1.0) -> None:
        """Fill a polygon of shape (n, 2), or several at once of shape (m, n, 2) that do not overlap.

        The colour runs from `colour` at the top of them all to `lower` at the bottom.
        """
        window = self.window(points)
        if window is None:
            return
        mask = _blank(window)
        fixed = _fixed(points, window)
        cv2.fillPoly(mask, [fixed] if fixed.ndim == 2 else list(fixed), 255, cv2.LINE_AA, _SHIFT)
        top = np.asarray(colour, np.float32)
        if lower is None:
            self._blend(window, mask, top, alpha)
            return
        first, last = float(points[..., 1].min()), float(points[..., 1].max())
        share = ((np.arange(window.top, window.bottom) + 0.5 - first) / max(last - first, 1.0)).clip(0, 1)
        rows = share.astype(np.float32)[:, None, None]
        self._blend(window, mask, top * (1 - rows) + np.asarray(lower, np.float32) * rows, alpha)

    def line(self, points: Array, colour: ArrayLike, width: float, alpha: float = 1.0) -> None:
        """Draw a line through points of shape (n, 2), or several of shape (m, n, 2); a thin one becomes faint."""
        window = self.window(points, margin=2 + round(width))
        if window is None:
            return
        mask = _blank(window)
        fixed = _fixed(points, window)
        parts = [fixed] if fixed.ndim == 2 else list(fixed)
        cv2.polylines(mask, parts, False, 255, max(1, round(width)), cv2.LINE_AA, _SHIFT)
        self._blend(window, mask, np.asarray(colour, np.float32), alpha * min(1.0, max(width, 0.25)))

    def shade(self, points: Array, factor: float, softness: float) -> None:
        """Multiply what lies in a polygon, with soft edges: a shadow, or light."""
        window = self.window(points, margin=2 + round(2 * softness))
        if window is None:
            return
        mask = _blank(window)
        cv2.fillPoly(mask, [_fixed(points, window)], 255, cv2.LINE_AA, _SHIFT)
        soft = cv2.GaussianBlur(mask, (0, 0), max(softness, 0.4)).astype(np.float32)[..., None] / 255
        self.pixels[window.top : window.bottom, window.left : window.right] *= 1 + (factor - 1) * soft

    def window(self, points: Array, margin: int = 1) -> Window | None:
        """What a shape touches; None where that is nothing of the canvas."""
        height, width = self.owner.shape
        across, down = points[..., 0], points[..., 1]
        left, right = max(0.0, float(across.min()) - margin), min(float(width), float(across.max()) + margin)
        top, bottom = max(0.0, float(down.min()) - margin), min(float(height), float(down.max()) + margin)
        if left >= right or top >= bottom:
            return None
        return Window(int(top), math.ceil(bottom), int(left), math.ceil(right))

    def _blend(self, window: Window, mask: Array, colour: Array, alpha: float) -> None:
        part = (slice(window.top, window.bottom), slice(window.left, window.right))
        share = np.multiply(mask, alpha / 255, dtype=np.float32)[..., None]
        beneath = self.pixels[part]
        beneath += (colour - beneath) * share
        if alpha > 0.5:
            self.owner[part][mask > 127] = self.painter


def _blank(window: Window) -> Array:
    return np.zeros((window.bottom - window.top, window.right - window.left), np.uint8)


def _fixed(points: Array, window: Window) -> NDArray[np.int32]:
    within = np.clip(points, -_FAR, _FAR) - (window.left, window.top)
    return np.rint(within * 2**_SHIFT).astype(np.int32)


def texture(rng: np.random.Generator, height: int, width: int, cell: int) -> Array:
    """Smooth noise of shape (height, width, 1) around 0 with deviation near 1; `cell` is the size of its spots."""
    coarse = rng.normal(0, 1, (height // cell + 2, width // cell + 2)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
