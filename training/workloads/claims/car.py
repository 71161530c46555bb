"""Cars: put into a scene in metres and painted face by face."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from training.workloads.claims.canvas import Camera, Canvas
    from training.workloads.claims.shapes import Shape

    Array = NDArray[Any]

SUN = np.array([-0.35, -0.55, 0.76])
"""Direction towards the light, of length 1: from behind the camera, above and a little to the left."""


@dataclass(frozen=True, slots=True)
class Car:
    """One car in a scene.

    Attributes
    ----------
    x, y
        Where it stands, in metres to the right of and ahead of the camera.
    yaw
        Where its nose points, in radians: 0 to the right, a quarter turn away from the camera.
    paint
        RGB, 0 to 255.
    seed
        Of what is random about it: its rims, its dirt.
    """

    shape: Shape
    x: float
    y: float
    yaw: float
    paint: tuple[float, float, float]
    seed: int


class Placed:
    """A car as the camera sees it: its own coordinates (forward, left, up) to pixels, and which sides show."""

    def __init__(self, car: Car, camera: Camera) -> None:
        self.car = car
        self._camera = camera
        cos, sin = np.cos(car.yaw), np.sin(car.yaw)
        self._turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        self._at = np.array([car.x, car.y, 0.0])
        self._eye = self._turn.T @ (np.array([0, 0, camera.height]) - self._at)
        self._light = self._turn.T @ SUN
        self.half = car.shape.length / 2
        self.side = car.shape.width / 2 * (1 if self._eye[1] > 0 else -1)
        """y of the side that shows."""

    @property
    def scale(self) -> float:
        """Pixels per metre where the car stands."""
        return self._camera.focal / max(self.car.y, 0.3)

    def see(self, points: ArrayLike) -> Array:
        """Pixels of points of shape (n, 3) of the car."""
        return self._camera.see(np.asarray(points, float) @ self._turn.T + self._at)

    def flank(self, points: ArrayLike, y: float | None = None) -> Array:
        """Pixels of points (x, z) in metres, of shape (n, 2), on the side that shows."""
        flat = np.asarray(points, float)
        return self.see(np.stack([flat[:, 0], np.full(len(flat), self.side if y is None else y), flat[:, 1]], 1))

    def end(self, points: ArrayLike, sign: int) -> Array:
        """Pixels of points (y, z) on the nose (`sign` 1) or the tail (-1)."""
        flat = np.asarray(points, float)
        return self.see(np.stack([self.end_x(flat[:, 1], sign), flat[:, 0], flat[:, 1]], 1))

    def end_x(self, z: ArrayLike, sign: int) -> Array:
        """How far forward the nose (or the tail) is at a height."""
        edge = sorted((z, x) for x, z in self.car.shape.outline if x * sign > 0.85)
        return np.interp(np.asarray(z, float), [z for z, _ in edge], [x * self.half for _, x in edge])

    def brow(self, sign: int) -> float:
        """Height of the upper edge of the nose or the tail."""
        return max(z for x, z in self.car.shape.outline if x * sign > 0.85)

    def light_on(self, points: ArrayLike) -> float | None:
        """How bright a flat face is, its corners counter-clockwise from outside; None where it looks away."""
        corners = np.asarray(points, float)
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        normal /= np.linalg.norm(normal) or 1
        if normal @ (self._eye - corners[0]) <= 0:
            return None
        return float(0.58 + 0.5 * max(0.0, normal @ self._light))

    def shows(self, sign: int) -> bool:
        """Whether the nose (1) or the tail (-1) looks at the camera."""
        return float(self._eye[0]) * sign > self.half


def draw(canvas: Canvas, car: Car, camera: Camera) -> Placed:
    """Paint a car with its shadow."""
    rng = np.random.default_rng(car.seed)
    placed = Placed(car, camera)
    half, wide = placed.half, car.shape.width / 2
    ground = np.array([(half, wide, 0), (half, -wide, 0), (-half, -wide, 0), (-half, wide, 0)]) * (1.04, 1.12, 1)
    canvas.shade(placed.see(ground), 0.42, placed.scale * 0.09)
    _wheels(canvas, placed, -placed.side, rng)
    for y in (-placed.side, placed.side):
        under = [(half * 0.93, 0.2), (half * 0.93, 0.5), (-half * 0.93, 0.5), (-half * 0.93, 0.2)]
        canvas.fill(placed.flank(under, y), (22, 22, 24))
    _body(canvas, placed)
    _ends(canvas, placed)
    _flank(canvas, placed)
    _wheels(canvas, placed, placed.side, rng)
    _cabin(canvas, placed)
    return placed


def _strip(first: tuple[float, float], second: tuple[float, float], wide: float, inner: float | None = None) -> Array:
    """The face between two points (x, z) of a profile, from one side of the car to the other."""
    other = wide if inner is None else inner
    (xa, za), (xb, zb) = first, second
    return np.array([(xa, -wide, za), (xa, wide, za), (xb, other, zb), (xb, -other, zb)])


def _paint(canvas: Canvas, placed: Placed, face: Array, colour: ArrayLike, fade: float = 0.9) -> None:
    light = placed.light_on(face)
    if light is not None:
        tone = np.asarray(colour, float) * light
        canvas.fill(placed.see(face), np.minimum(tone * 1.06 + 6, 255), tone * fade)


def _body(canvas: Canvas, placed: Placed) -> None:
    shape, half, paint = placed.car.shape, placed.half, np.array(placed.car.paint)
    outline = [(x * half, z) for x, z in shape.outline]
    for first, second in itertools.pairwise(outline):
        top = 1.12 if abs(first[1] - second[1]) < 0.2 * abs(first[0] - second[0]) else 1.0
        _paint(canvas, placed, _strip(first, second, shape.width / 2), np.minimum(paint * top, 255))
    light = placed.light_on(_sideways(placed, [(half, 0.3), (0, 1.0), (-half, 0.3)])) or 0.7
    tone = paint * light
    canvas.fill(placed.flank(outline), np.minimum(tone * 1.14 + 10, 255), tone * 0.72)


def _sideways(placed: Placed, points: list[tuple[float, float]]) -> Array:
    """Points of the visible side, counter-clockwise as seen from there."""
    ordered = points if placed.side > 0 else points[::-1]
    return np.array([(x, placed.side, z) for x, z in ordered])


def _ends(canvas: Canvas, placed: Placed) -> None:
    wide = placed.car.shape.width / 2
    for sign in (1, -1):
        if not placed.shows(sign):
            continue
        brow = placed.brow(sign)
        low, high = brow - 0.24, brow - 0.08
        if sign > 0:
            canvas.fill(placed.end(_quad(-0.5 * wide, 0.5 * wide, low, high), sign), (34, 34, 38), (16, 16, 18))
        canvas.fill(placed.end(_quad(-0.28, 0.28, brow - 0.46, brow - 0.34), sign), (222, 222, 214))
        canvas.fill(placed.end(_quad(-0.85 * wide, 0.85 * wide, 0.3, 0.38), sign), (40, 40, 43))
        for y in (1, -1):
            glass = _quad(0.55 * wide * y, 0.96 * wide * y, low, high)
            canvas.fill(placed.end(glass, sign), *_LAMPS[sign])


_LAMPS = {1: ((250, 250, 244), (172, 182, 192)), -1: ((214, 42, 36), (128, 16, 16))}


def lamp(placed: Placed, sign: int) -> Array:
    """The lamp on the visible side as it wraps around the corner: pixels of shape (4, 2)."""
    brow = placed.brow(sign)
    far = placed.end_x((brow - 0.24, brow - 0.08), sign)
    corners = [
        (far[0], brow - 0.24),
        (far[1], brow - 0.08),
        (far[1] - 0.42 * sign, brow - 0.1),
        (far[0] - 0.3 * sign, brow - 0.2),
    ]
    return placed.flank(corners)


def _flank(canvas: Canvas, placed: Placed) -> None:
    shape, half, paint = placed.car.shape, placed.half, np.array(placed.car.paint)
    thin = placed.scale * 0.022
    belt = [(x * half, z - 0.09) for x, z in shape.outline if abs(x) < 0.92]
    canvas.line(placed.flank(belt), np.minimum(paint * 1.2 + 34, 255), thin * 1.6, 0.6)
    canvas.line(placed.flank([(half * 0.86, 0.44), (-half * 0.9, 0.46)]), paint * 0.42, thin * 1.5, 0.7)
    foot, rear = shape.cabin[0][0] * half, max(shape.cabin[3][0], -0.5) * half
    middle = (shape.cabin[1][0] + shape.cabin[2][0]) / 2 * half
    seams = [foot - 0.08, middle] if shape.panelled else [foot - 0.08, middle, rear]
    height = shape.cabin[0][1]
    for x in seams:
        canvas.line(placed.flank([(x, height), (x - 0.02, 0.42)]), paint * 0.35, thin, 0.75)
    for x in seams[1:]:
        canvas.line(placed.flank([(x + 0.1, height - 0.14), (x + 0.3, height - 0.14)]), paint * 0.5 + 60, thin * 2)
    for sign in (1, -1):
        canvas.fill(lamp(placed, sign), *_LAMPS[sign])


def _wheels(canvas: Canvas, placed: Placed, y: float, rng: np.random.Generator) -> None:
    front, rear, radius = placed.car.shape.wheels
    near, spokes = y == placed.side, int(rng.integers(4, 8))
    rim = rng.uniform(120, 215)
    turn = np.linspace(0, 2 * np.pi, 25)
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)
    for x in (front, rear):
        hub = np.array([x * placed.half, radius])
        if near:
            arch = ring[:13] * radius * 1.2 + hub
            canvas.fill(placed.flank(arch, y), (20, 20, 22))
        canvas.fill(placed.flank(ring * radius + hub, y), (38, 38, 40), (24, 24, 26))
        if near:
            canvas.fill(placed.flank(ring * radius * 0.66 + hub, y), (rim,) * 3, (rim * 0.66,) * 3)
            angles = 2 * np.pi * (np.arange(spokes) + 0.3) / spokes
            arms = np.stack([np.cos(angles), np.sin(angles)], 1)[:, None] * radius * ((0.2,), (0.6,)) + hub
            spoke = placed.flank(arms.reshape(-1, 2), y).reshape(spokes, 2, 2)
            canvas.line(spoke, (48, 48, 52), placed.scale * 0.05, 0.8)


def _cabin(canvas: Canvas, placed: Placed) -> None:
    shape, half, paint = placed.car.shape, placed.half, np.array(placed.car.paint)
    wide = shape.width / 2
    foot, top, back, tail = [(x * half, z) for x, z in shape.cabin]
    roof = wide - 0.24
    sill = wide - 0.03
    for first, second, lower, upper in ((foot, top, sill, roof), (back, tail, roof, sill)):
        face = _strip(first, second, lower, upper)
        _paint(canvas, placed, face, paint * 0.95)
        glazed = first == foot or not shape.panelled
        if glazed:
            _glass(canvas, placed, _inset(face, 0.09))
    _paint(canvas, placed, _strip(top, back, roof), np.minimum(paint * 1.1, 255))
    y = np.sign(placed.side)
    outer = np.array(
        [
            (foot[0], sill * y, foot[1]),
            (top[0], roof * y, top[1]),
            (back[0], roof * y, back[1]),
            (tail[0], sill * y, tail[1]),
        ]
    )
    face = outer[::-1] if y > 0 else outer
    _paint(canvas, placed, face, paint * 0.98)
    split = 0.45 if not shape.panelled else 0.3
    _glass(canvas, placed, _pane(outer, 0.09, split - 0.025))
    if not shape.panelled:
        _glass(canvas, placed, _pane(outer, split + 0.025, 0.93))
    mirror = [
        (foot[0] - 0.05, foot[1] + 0.05),
        (foot[0] - 0.05, foot[1] + 0.18),
        (foot[0] - 0.26, foot[1] + 0.17),
        (foot[0] - 0.24, foot[1] + 0.04),
    ]
    canvas.fill(placed.flank(mirror, placed.side * 1.06), paint * 0.8)


def _pane(corners: Array, begin: float, end: float) -> Array:
    """Part of a cabin's side (foot, top, back, tail), between two shares of its length, within its frame."""
    foot, top, back, tail = corners
    low = [foot + (tail - foot) * share for share in (begin, end)]
    high = [top + (back - top) * share for share in (begin, end)]
    return np.array(
        [
            low[0] + (high[0] - low[0]) * 0.1,
            low[0] + (high[0] - low[0]) * 0.87,
            low[1] + (high[1] - low[1]) * 0.87,
            low[1] + (high[1] - low[1]) * 0.1,
        ]
    )


def _inset(face: Array, share: float) -> Array:
    return face + (face.mean(0) - face) * 2 * share


def _glass(canvas: Canvas, placed: Placed, pane: Array) -> None:
    shown = pane if placed.light_on(pane) is not None else pane[::-1]
    if placed.light_on(shown) is None:
        return
    points = placed.see(pane)
    canvas.fill(points, (112, 132, 150), (36, 44, 54))
    canvas.line(points[[0, 1]] * 0.7 + points[[3, 2]] * 0.3, (176, 190, 204), placed.scale * 0.05, 0.35)


def _quad(left: float, right: float, low: float, high: float) -> list[tuple[float, float]]:
    return [(left, low), (left, high), (right, high), (right, low)]
