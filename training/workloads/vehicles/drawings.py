"""Draws bicycles and motorcycles: the stand-in for photographs where there is no network.

Every picture varies in place, size, tilt, perspective, colour, background, light, blur and noise. A few are made hard
on purpose (far away, half hidden, faint), so that a classifier has something to be unsure about. Drawn large and
reduced, so that thin spokes survive as the grey they are in a photograph of this size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Image = NDArray[Any]
    Colour = tuple[int, int, int]
    Placed = Callable[[float, float], tuple[int, int]]

CANVAS = 256
"""Side of the picture while it is drawn, in pixels."""

_SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""


def draw(kind: str, rng: np.random.Generator, size: int = 32) -> Image:
    """Draw one picture.

    Parameters
    ----------
    kind
        `bicycle` or `motorcycle`.
    rng
        Source of every random choice.
    size
        Side of the result in pixels.

    Returns
    -------
    array of shape (size, size, 3), RGB
    """
    sketch = {"bicycle": _bicycle, "motorcycle": _motorcycle}[kind]
    hard = rng.random() < 0.1
    scene = _background(rng)
    scale = rng.uniform(0.5, 0.72) if hard else rng.uniform(0.78, 1.12)
    place = _placement(rng, scale)
    _ground_shadow(scene, place)
    vehicle = scene.copy()
    sketch(vehicle, place, rng, scale)
    faintness = rng.uniform(0.35, 0.6) if hard and rng.random() < 0.5 else 0.0
    scene = cv2.addWeighted(vehicle, 1 - faintness, scene, faintness, 0)
    if hard and rng.random() < 0.5:
        _foreground(scene, rng)
    return _photograph(scene, rng, size)


def _placement(rng: np.random.Generator, scale: float) -> Placed:
    """Map from vehicle coordinates (wheel base 2, ground at y = 0, y up) to canvas points with `_SHIFT` bits."""
    angle = rng.normal(0, 0.09)
    squeeze = rng.uniform(0.72, 1.0)
    shear = rng.normal(0, 0.08)
    mirror = 1 if rng.random() < 0.5 else -1
    unit = CANVAS * 0.27 * scale
    slack = max(0.0, 1.05 - scale) * CANVAS * 0.28
    centre_x = CANVAS / 2 + rng.uniform(-1, 1) * (slack + 6)
    ground_y = CANVAS * 0.80 + rng.uniform(-1, 0.4) * (slack + 8)
    cos, sin = np.cos(angle), np.sin(angle)

    def place(x: float, y: float) -> tuple[int, int]:
        u, v = mirror * squeeze * (x + shear * y), -y
        point = (centre_x + unit * (u * cos - v * sin), ground_y + unit * (u * sin + v * cos))
        return round(point[0] * 2**_SHIFT), round(point[1] * 2**_SHIFT)

    return place


def _line(canvas: Image, points: list[tuple[int, int]], colour: Colour, width: float) -> None:
    cv2.polylines(canvas, [np.array(points, np.int32)], False, colour, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def _fill(canvas: Image, points: list[tuple[int, int]], colour: Colour) -> None:
    cv2.fillPoly(canvas, [np.array(points, np.int32)], colour, cv2.LINE_AA, _SHIFT)


def _circle(place: Placed, x: float, y: float, radius: float) -> list[tuple[int, int]]:
    """A circle as seen after placement: an ellipse, drawn as a polygon."""
    turn = np.linspace(0, 2 * np.pi, 37)
    return [place(x + radius * np.cos(a), y + radius * np.sin(a)) for a in turn]


def _bicycle(canvas: Image, place: Placed, rng: np.random.Generator, scale: float) -> None:
    dark, paint = _dark(rng), _vivid(rng)
    radius = rng.uniform(0.60, 0.68)
    thin = CANVAS * rng.uniform(0.011, 0.017) * scale
    rear, front = (-1.0, radius), (1.0, radius)
    for hub in (rear, front):
        _line(canvas, _circle(place, *hub, radius), dark, thin * 1.35)
        start = rng.uniform(0, np.pi)
        for spoke in np.linspace(0, np.pi, 6, endpoint=False) + start:
            dx, dy = radius * np.cos(spoke), radius * np.sin(spoke)
            ends = [place(hub[0] - dx, hub[1] - dy), place(hub[0] + dx, hub[1] + dy)]
            _line(canvas, ends, _mix(dark, (170, 170, 170), 0.7), 1)
    crank = (-0.12, radius * rng.uniform(0.82, 0.95))
    saddle = (-0.42, radius + rng.uniform(0.72, 0.88))
    head_top = (0.60, radius + rng.uniform(0.72, 0.86))
    head_low = (0.68, head_top[1] - 0.26)
    seat_joint = (saddle[0] + 0.06, saddle[1] - 0.2)
    step_through = rng.random() < 0.25
    top_tube = (seat_joint[0] + 0.18, crank[1] + 0.3) if step_through else seat_joint
    for a, b in ((rear, crank), (rear, seat_joint), (crank, saddle), (crank, head_low), (top_tube, head_top)):
        _line(canvas, [place(*a), place(*b)], paint, thin * 1.5)
    _line(canvas, [place(*head_top), place(*head_low), place(*front)], paint, thin * 1.5)
    _fill(canvas, [place(saddle[0] + dx, saddle[1] + dy) for dx, dy in _SADDLE], dark)
    stem = (head_top[0] - 0.03, head_top[1] + 0.17)
    bar = [(stem[0] - 0.06, stem[1] + 0.02), stem, (stem[0] + 0.22, stem[1] + 0.02)]
    if rng.random() < 0.5:  # drop bars, as on a racing bicycle
        bar += [(stem[0] + 0.27, stem[1] - 0.12), (stem[0] + 0.12, stem[1] - 0.18)]
    _line(canvas, [place(*head_top), place(*stem)], dark, thin * 1.3)
    _line(canvas, [place(*point) for point in bar], dark, thin * 1.5)
    _line(canvas, _circle(place, *crank, 0.15), dark, thin)
    lean = rng.uniform(0, 2 * np.pi)
    arm = (0.22 * np.cos(lean), 0.22 * np.sin(lean))
    _line(
        canvas,
        [place(crank[0] - arm[0], crank[1] - arm[1]), place(crank[0] + arm[0], crank[1] + arm[1])],
        dark,
        thin * 1.3,
    )
    if rng.random() < 0.3:  # luggage rack, or a basket in front
        rack = [(-1.15, radius * 2 + 0.12), (-0.45, radius * 2 + 0.12)]
        _line(canvas, [place(*point) for point in rack], dark, thin * 1.3)
        _line(canvas, [place(-1.0, radius), place(-1.05, radius * 2 + 0.12)], dark, thin)


def _motorcycle(canvas: Image, place: Placed, rng: np.random.Generator, scale: float) -> None:
    dark, paint = _dark(rng), _vivid(rng)
    steel = _grey(rng, 120, 215)
    radius = rng.uniform(0.47, 0.56)
    tyre = CANVAS * rng.uniform(0.036, 0.052) * scale
    rear, front = (-0.98, radius), (1.02, radius)
    for hub in (rear, front):
        _line(canvas, _circle(place, *hub, radius * 0.86), _mix(dark, (20, 20, 20), 0.6), tyre)
        _line(canvas, _circle(place, *hub, radius * 0.55), steel, tyre * 0.28)
        _fill(canvas, _circle(place, *hub, radius * 0.26), _mix(steel, dark, 0.5))
    yoke = (0.52, radius + rng.uniform(0.62, 0.78))
    rake = CANVAS * 0.026 * scale
    _line(canvas, [place(*rear), place(-0.25, radius + 0.02)], _mix(dark, steel, 0.4), rake * 1.3)
    _line(canvas, [place(*front), place(*yoke)], steel, rake)
    engine = [(-0.42, 0.30), (0.34, 0.26), (0.44, radius + 0.26), (-0.34, radius + 0.36)]
    _fill(canvas, [place(*point) for point in engine], _mix(dark, steel, 0.25))
    for row in np.linspace(0.42, radius + 0.18, 4):  # cooling fins
        _line(canvas, [place(-0.12, row), place(0.30, row - 0.02)], steel, CANVAS * 0.009 * scale)
    pipe = [(0.30, 0.40), (0.10, 0.20), (-0.55, 0.22), (-1.28, rng.uniform(0.28, 0.5))]
    _line(canvas, [place(*point) for point in pipe], steel, rake * 1.35)
    back = rng.uniform(-1.35, -1.1)
    seat_y = radius * 2 + rng.uniform(-0.02, 0.12)
    tank = [
        (-0.26, seat_y - 0.1),
        (-0.2, seat_y + 0.14),
        (0.14, seat_y + 0.34),
        (0.50, seat_y + 0.22),
        (0.52, seat_y - 0.16),
    ]
    _fill(canvas, [place(*point) for point in tank], paint)
    seat = [
        (-0.22, seat_y - 0.02),
        (-0.32, seat_y + 0.10),
        (-0.8, seat_y + 0.13),
        (back, seat_y + 0.24),
        (-1.02, seat_y - 0.04),
    ]
    _fill(canvas, [place(*point) for point in seat], _mix(dark, (15, 15, 15), 0.5))
    tail = [(-0.55, seat_y - 0.02), (back, seat_y + 0.2), (back - 0.06, seat_y + 0.02), (-0.6, seat_y - 0.16)]
    _fill(canvas, [place(*point) for point in tail], paint)
    style = rng.random()
    if style < 0.4:  # a fairing with a screen
        fairing = [(0.34, 0.34), (0.52, seat_y + 0.2), (0.64, seat_y + 0.5), (0.92, seat_y + 0.1), (0.66, 0.5)]
        _fill(canvas, [place(*point) for point in fairing], paint)
        _line(
            canvas,
            [place(0.5, seat_y + 0.44), place(0.66, seat_y + 0.54), place(0.86, seat_y + 0.2)],
            steel,
            rake * 0.6,
        )
    else:
        _line(canvas, [place(*yoke), place(0.44, seat_y + 0.42), place(0.22, seat_y + 0.5)], dark, rake * 0.9)
        _fill(canvas, _circle(place, 0.68, seat_y + 0.24, 0.14), _mix(steel, (255, 250, 220), 0.6))
    guard = [(x * radius * 1.08 + front[0], y * radius * 1.08 + front[1]) for x, y in _MUDGUARD]
    _line(canvas, [place(*point) for point in guard], paint, rake)


_SADDLE = ((-0.24, 0.05), (-0.2, -0.04), (0.18, 0.0), (0.2, 0.05))
_MUDGUARD = tuple((float(np.cos(a)), float(np.sin(a))) for a in np.linspace(0.5, 2.4, 8))


def _background(rng: np.random.Generator) -> Image:
    """Street, meadow, wall or studio."""
    style = rng.integers(0, 4)
    rows = np.linspace(0, 1, CANVAS, dtype=np.float32)[:, None, None]
    if style == 3:
        top, bottom = (np.array(_grey(rng, 170, 250), np.float32) for _ in range(2))
        return _uint8(np.repeat(top * (1 - rows) + bottom * rows, CANVAS, axis=1))
    sky = np.array(_pick(rng, ((150, 190, 235), (205, 215, 225), (235, 200, 170), (120, 150, 190))), np.float32)
    ground = np.array(
        _pick(rng, ((120, 120, 122), (150, 145, 138)))
        if style == 0
        else _pick(rng, ((110, 145, 80), (150, 150, 95), (175, 150, 115))),
        np.float32,
    )
    light = rng.uniform(0.8, 1.12)
    canvas = np.repeat(sky * light * (0.85 + 0.2 * rows), CANVAS, axis=1)
    horizon = int(CANVAS * rng.uniform(0.42, 0.72))
    canvas[horizon:] = ground * light * (0.9 + 0.15 * rows[horizon:])
    image = _uint8(canvas)
    if style == 2:
        _wall(image, rng, horizon)
    else:
        _skyline(image, rng, horizon, houses=style == 0)
    return image


def _wall(image: Image, rng: np.random.Generator, foot: int) -> None:
    colour = _pick(rng, ((170, 110, 90), (190, 180, 165), (140, 150, 160), (200, 190, 140)))
    joint = _mix(colour, (80, 80, 80), 0.35)
    cv2.rectangle(image, (0, 0), (CANVAS, foot), colour, -1)
    course = int(rng.integers(18, 34))
    for row, y in enumerate(range(0, foot, course)):
        cv2.line(image, (0, y), (CANVAS, y), joint, 2)
        for x in range(-(row % 2) * course, CANVAS, course * 2):
            cv2.line(image, (x, y), (x, min(foot, y + course)), joint, 2)


def _skyline(image: Image, rng: np.random.Generator, horizon: int, *, houses: bool) -> None:
    x = 0
    while x < CANVAS:
        width, height = int(rng.integers(24, 80)), int(rng.integers(10, horizon * 2 // 3))
        if houses:
            wall = _grey(rng, 110, 210)
            cv2.rectangle(image, (x, horizon - height), (x + width, horizon), wall, -1)
            for top in range(horizon - height + 8, horizon - 12, 22):
                for left in range(x + 6, x + width - 10, 20):
                    cv2.rectangle(image, (left, top), (left + 9, top + 11), _mix(wall, (60, 70, 90), 0.6), -1)
        elif rng.random() < 0.6:
            leaf = _mix((70, 110, 60), _grey(rng, 80, 160), 0.3)
            cv2.ellipse(image, (x + width // 2, horizon), (width // 2, height), 0, 180, 360, leaf, -1, cv2.LINE_AA)
        x += width + int(rng.integers(0, 30))


def _ground_shadow(canvas: Image, place: Placed) -> None:
    shade = canvas.copy()
    _fill(shade, [place(x, y) for x, y in ((-1.5, 0.03), (1.5, 0.03), (1.35, -0.14), (-1.35, -0.14))], (40, 40, 45))
    cv2.addWeighted(cv2.blur(shade, (13, 13)), 0.45, canvas, 0.55, 0, dst=canvas)


def _foreground(canvas: Image, rng: np.random.Generator) -> None:
    """Something in front: a post, or a bush."""
    x = int(rng.uniform(0.25, 0.75) * CANVAS)
    if rng.random() < 0.5:
        cv2.rectangle(canvas, (x, 0), (x + int(rng.integers(26, 54)), CANVAS), _grey(rng, 60, 170), -1)
    else:
        size = (int(rng.integers(34, 62)), int(rng.integers(50, 100)))
        cv2.ellipse(canvas, (x, int(CANVAS * 0.92)), size, 0, 0, 360, (70, 105, 60), -1, cv2.LINE_AA)


def _photograph(canvas: Image, rng: np.random.Generator, size: int) -> Image:
    """Reduce to the final size with the camera's exposure, softness and noise."""
    small: NDArray[Any] = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.35:
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, 0.75)) * size / 32)
    contrast, brightness = rng.uniform(0.78, 1.12), rng.normal(0, 14)
    warmth = rng.normal(0, 5, 3)
    small = (small - 128) * contrast + 128 + brightness + warmth
    return _uint8(small + rng.normal(0, rng.uniform(2, 9), small.shape))


def _uint8(values: NDArray[np.floating]) -> Image:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(rng.integers(len(colours)))]


def _grey(rng: np.random.Generator, low: int, high: int) -> Colour:
    level = rng.integers(low, high)
    red, green, blue = (int(np.clip(level + step, 0, 255)) for step in rng.integers(-14, 15, 3))
    return red, green, blue


def _dark(rng: np.random.Generator) -> Colour:
    return _grey(rng, 20, 60)


def _vivid(rng: np.random.Generator) -> Colour:
    """A paint colour: any hue, or near black or white."""
    if rng.random() < 0.25:
        return _grey(rng, 20, 60) if rng.random() < 0.5 else _grey(rng, 200, 245)
    hsv = np.array([[[rng.integers(0, 180), rng.integers(140, 255), rng.integers(110, 240)]]], np.uint8)
    red, green, blue = (int(v) for v in cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0])
    return red, green, blue


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a * (1 - share) + b * share) for a, b in zip(first, second, strict=True))
    return red, green, blue
