"""Draws dogs by their traits: the stand-in for photographs where there is no network.

A dog stands side on; its pose, place, light, surroundings and the shade of its coat differ from picture to picture, its
traits do not. It is drawn large and reduced. Coordinates: x towards the head, y up, the ground at 0; the trunk has
length 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training.workloads.dogs import coats
from training.workloads.dogs.breeds import COLOURS, Traits
from training.workloads.dogs.scenes import background, photograph
from training.workloads.dogs.shapes import CANVAS, oval, smooth, turned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.workloads.dogs.shapes import Outline, Points

    Image = NDArray[Any]
    Colour = tuple[int, int, int]

_SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""

_LEG = {"short": 0.2, "normal": 0.42, "long": 0.6}
_TRUNK = {"slim": 0.27, "normal": 0.35, "stocky": 0.44}
_MUZZLE = {"flat": 0.03, "short": 0.1, "medium": 0.18, "long": 0.28}


def draw(traits: Traits, rng: np.random.Generator, size: int = 64) -> Image:
    """Draw one picture.

    Parameters
    ----------
    rng
        Source of every random choice.
    size
        Side of the result in pixels.

    Returns
    -------
    uint8 array of shape (size, size, 3), RGB
    """
    scene = background(rng, CANVAS)
    dog = Dog(traits, rng)
    dog.shadow(scene)
    dog.paint(scene)
    return photograph(scene, rng, size)


class Dog:
    """One dog in one pose: where its parts lie, and what colour they have."""

    def __init__(self, traits: Traits, rng: np.random.Generator) -> None:
        self.traits, self.rng = traits, rng
        self.leg, self.trunk = _LEG[traits.legs], _TRUNK[traits.body]
        self.head = 0.165 * (1.42 - 0.1 * traits.size) * {"slim": 0.9, "normal": 1.0, "stocky": 1.1}[traits.body]
        shade = rng.normal(0, 7) + rng.normal(0, 3, 3)
        self.colour, self.second = (_shaded(COLOURS[name], shade) for name in (traits.colour, traits.second))
        self.back = self.leg + self.trunk
        lift = rng.uniform(-0.06, 0.08)
        self.skull = np.array([0.66 + rng.uniform(-0.03, 0.03), self.back + 0.16 + lift])
        self.nod = rng.normal(-0.12, 0.14)
        scale = CANVAS * (0.36 + 0.035 * traits.size) * rng.uniform(0.92, 1.08)
        self.unit = min(scale, CANVAS * 0.74 / (self.back + 0.45))
        self._frame(rng)

    def _frame(self, rng: np.random.Generator) -> None:
        """Where on the canvas a point of the dog comes to lie."""
        turn, mirror = rng.normal(0, 0.05), 1 if rng.random() < 0.5 else -1
        squeeze = rng.uniform(0.84, 1.0)
        cos, sin = np.cos(turn), np.sin(turn)
        self.matrix = self.unit * np.array([[cos * squeeze * mirror, sin], [sin * squeeze * mirror, -cos]])
        middle = np.array([0.12, (self.back + 0.2) / 2])
        slack = CANVAS * 0.05
        self.offset = CANVAS * np.array([0.5, 0.53]) - self.matrix @ middle + rng.uniform(-slack, slack, 2)

    def at(self, points: Outline) -> NDArray[np.int32]:
        """Canvas coordinates with `_SHIFT` bits, shape (n, 2)."""
        placed = np.asarray(points, float) @ self.matrix.T + self.offset
        return np.rint(placed * 2**_SHIFT).astype(np.int32)

    def fill(self, canvas: Image, points: Outline, colour: Any) -> None:
        cv2.fillPoly(canvas, [self.at(points)], colour, cv2.LINE_AA, _SHIFT)

    def stroke(self, canvas: Image, points: Outline, colour: Any, width: float) -> None:
        """A line `width` of the trunk's length wide."""
        thick = max(1, round(width * self.unit))
        cv2.polylines(canvas, [self.at(points)], False, colour, thick, cv2.LINE_AA, _SHIFT)

    def shadow(self, scene: Image) -> None:
        shade = scene.copy()
        self.fill(shade, oval((0, -0.02), (0.75, 0.07)), (30, 30, 34))
        cv2.addWeighted(cv2.blur(shade, (7, 7)), 0.4, scene, 0.6, 0, dst=scene)

    def paint(self, scene: Image) -> None:
        """Draw the dog from its far side to its near one."""
        far = _shaded(self.colour, -26)
        self._legs(scene, (-0.36, 0.33), far, far=True)
        self._tail(scene)
        regions = {name: np.zeros((CANVAS, CANVAS), np.uint8) for name in ("trunk", "head", "legs", "ear")}
        self.fill(regions["trunk"], self._trunk(), 255)
        self.fill(regions["trunk"], self._neck(), 255)
        self._legs(regions["legs"], (-0.44, 0.42), 255)
        self.fill(regions["head"], oval(self.skull, (self.head, self.head * 0.92)), 255)
        self.fill(regions["head"], self._muzzle(), 255)
        coats.dress(self, scene, regions)
        self._face(scene)
        self.fill(regions["ear"], self._ear(), 255)
        coats.ear(self, scene, regions["ear"])

    def _trunk(self) -> Points:
        top, tuck = self.back, {"slim": 0.13, "normal": 0.04, "stocky": 0.0}[self.traits.body]
        low = self.leg - 0.02
        outline = [(-0.52, top - 0.08), (-0.44, top - 0.01), (0.0, top - 0.02), (0.4, top + 0.02), (0.54, top - 0.08)]
        outline += [(0.56, low + 0.14), (0.44, low), (0.1, low + tuck * 0.3), (-0.26, low + tuck), (-0.5, low + 0.1)]
        return smooth(outline)

    def _neck(self) -> Points:
        x, y = self.skull
        width = self.head * 0.62
        return np.array(
            [(0.2, self.back - 0.03), (x - width, y + 0.02), (x + width, y - 0.05), (0.55, self.back - 0.2)]
        )

    def _muzzle(self) -> Points:
        long, deep = _MUZZLE[self.traits.muzzle], self.head * 0.5
        front = self.head * 0.82 + long
        points = [
            (0.3 * self.head, deep * 0.55),
            (front, deep * 0.1),
            (front, -deep * 0.75),
            (0.2 * self.head, -deep * 1.25),
        ]
        return self.skull + turned(smooth(points), self.nod)

    def _legs(self, canvas: Image, hips: tuple[float, float], colour: Any, *, far: bool = False) -> None:
        thick = {"slim": 0.07, "normal": 0.095, "stocky": 0.125}[self.traits.body] * (0.9 if far else 1)
        for hip, front in zip(hips, (False, True), strict=True):
            swing = self.rng.normal(0, 0.07)
            knee = (hip + (0.02 if front else 0.07) + swing * 0.5, self.leg * 0.52)
            foot = (hip + swing, 0.03)
            self.stroke(canvas, [(hip, self.leg + 0.12), knee, foot], colour, thick)
            self.fill(canvas, oval((foot[0] + 0.03, 0.03), (0.07, 0.035)), colour)

    def _tail(self, canvas: Image) -> None:
        kind, wag = self.traits.tail, self.rng.normal(0, 0.08)
        root = np.array([-0.5, self.back - 0.06])
        if kind == "stub":
            self.fill(canvas, oval((root[0] - 0.02, root[1] + 0.03), (0.07, 0.05)), self.colour)
            return
        turn = np.linspace(0, 1, 12)[:, None]
        if kind == "curl":
            angle = 2.6 + turn * -4.4
            path = root + np.array([0.04, 0.13]) + 0.14 * np.hstack([np.cos(angle), np.sin(angle)])
        else:
            bend = np.array([-0.42, 0.2 + wag]) if kind == "straight" else np.array([-0.4, 0.05 + wag])
            path = root + turn * bend + turn * (1 - turn) * np.array([-0.1, -0.15])
        self.stroke(canvas, path, self.colour, 0.12 if kind == "curl" else 0.06)
        if kind == "plume":
            hanging = path[::-1] - np.hstack([turn * 0, 0.2 * np.sin(np.pi * turn)])
            self.fill(canvas, np.vstack([path, hanging]), self.colour)
        if self.traits.pattern in {"bib", "tri", "swiss", "crest", "patches"}:
            self.stroke(canvas, path[-3:], self.second if self.traits.pattern == "crest" else COLOURS["white"], 0.07)

    def _ear(self) -> Points:
        reach = self.head
        shapes = {
            "prick": [(-0.55, 0.4), (-0.35, 1.5), (0.15, 0.7)],
            "bat": [(-0.75, 0.2), (-0.85, 1.95), (-0.2, 1.75), (0.2, 0.6)],
            "rose": [(-0.2, 0.75), (-0.95, 0.7), (-0.8, 0.3), (-0.3, 0.35)],
            "button": [(-0.6, 0.95), (0.2, 0.95), (0.1, 0.25), (-0.3, 0.45)],
            "drop": [(-0.6, 0.75), (0.05, 0.7), (-0.05, -0.45), (-0.45, -0.6), (-0.75, 0.0)],
            "long": [(-0.6, 0.6), (0.05, 0.55), (0.1, -1.15), (-0.35, -1.5), (-0.85, -0.9)],
        }
        points = np.array(shapes[self.traits.ears], float) * reach * (1 + self.rng.normal(0, 0.05))
        outline = points if self.traits.ears in {"prick", "button"} else smooth(points)
        return self.skull + turned(outline, self.nod * 0.5)

    def _face(self, canvas: Image) -> None:
        front = self.head * 0.82 + _MUZZLE[self.traits.muzzle]
        nose, eye = (
            turned(np.array([point]), self.nod)[0] + self.skull
            for point in ((front, 0.0), (self.head * 0.42, self.head * 0.28))
        )
        self.fill(canvas, oval(nose, (0.045, 0.035)), (24, 20, 22))
        self.fill(canvas, oval(eye, (0.036, 0.036)), (236, 230, 220) if sum(self.colour) < 240 else (60, 40, 30))
        self.fill(canvas, oval(eye, (0.024, 0.024)), (18, 14, 14))


def _shaded(colour: Colour, by: Any) -> Colour:
    red, green, blue = (int(value) for value in np.clip(np.array(colour) + by, 0, 255))
    return red, green, blue
