"""Damage on a car: scratches, a dent, a broken lamp, a crushed corner; each with its kind and the place it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from training.workloads.claims.car import lamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.workloads.claims.canvas import Canvas
    from training.workloads.claims.car import Placed

    Array = NDArray[Any]

SCRATCH, DENT, LAMP, CORNER = "scratch", "dent", "broken_lamp", "crushed_corner"
KINDS = (SCRATCH, DENT, LAMP, CORNER)


LEAST_INSIDE, LEAST_CHANGE = 0.75, 7.0
"""Share of a damage that must lie in the picture, and how many levels of brightness it must change there."""


class Damage(NamedTuple):
    """What is damaged, and the box around it in pixels: left, top, right, bottom."""

    kind: str
    box: tuple[float, float, float, float]


def inflict(canvas: Canvas, placed: Placed, kind: str, rng: np.random.Generator) -> Damage | None:
    """Paint damage of a kind where the car that has just been painted can be seen; None where nobody would notice."""
    before = canvas.pixels.copy()
    marks = {SCRATCH: _scratch, DENT: _dent, LAMP: _lamp, CORNER: _corner}[kind](canvas, placed, rng)
    window = canvas.window(marks, margin=0)
    if window is None:
        return None
    (left, top), (right, bottom) = marks.min(0).tolist(), marks.max(0).tolist()
    inside = (window.right - window.left) * (window.bottom - window.top) / ((right - left) * (bottom - top))
    part = (slice(window.top, window.bottom), slice(window.left, window.right))
    change = float(np.abs(canvas.pixels[part] - before[part]).mean())
    return Damage(kind, (left, top, right, bottom)) if inside >= LEAST_INSIDE and change >= LEAST_CHANGE else None


def soil(canvas: Canvas, placed: Placed, rng: np.random.Generator) -> None:
    """Dirt along the sill and a reflection across the doors: marks that are no damage."""
    half = placed.half
    for _ in range(int(rng.integers(0, 3))):
        x, length = rng.uniform(-0.7, 0.5) * half, rng.uniform(0.3, 0.8)
        splash = [(x, 0.34), (x + length * 0.4, rng.uniform(0.44, 0.56)), (x + length, 0.34)]
        canvas.fill(placed.flank(splash), (104, 94, 80), alpha=float(rng.uniform(0.15, 0.4)))
    if rng.random() < 0.4:
        x, lean = rng.uniform(-0.6, 0.4) * half, rng.uniform(-0.2, 0.3)
        wide = rng.uniform(0.15, 0.4)
        band = [(x, 0.45), (x + lean, 0.9), (x + lean + wide, 0.9), (x + wide, 0.45)]
        canvas.shade(placed.flank(band), float(rng.uniform(1.1, 1.3)), placed.scale * 0.03)


def _panel(placed: Placed, rng: np.random.Generator, margin: float) -> Array:
    """A point (x, z) on the side, clear of the wheels."""
    front, rear, radius = placed.car.shape.wheels
    top = placed.car.shape.cabin[0][1]
    x = rng.uniform(rear * placed.half + radius + margin, front * placed.half - radius - margin)
    return np.array([x, rng.uniform(0.52, top - 0.16)])


def _scratch(canvas: Canvas, placed: Placed, rng: np.random.Generator) -> Array:
    """Some lines side by side down to the primer, as a wall or a bollard leaves them."""
    middle = _panel(placed, rng, 0.1)
    length, slope = rng.uniform(1.0, 2.0), rng.normal(0, 0.1)
    dark = sum(placed.car.paint) > 330
    primer = np.array((52, 50, 50) if dark else (214, 212, 206)) + rng.normal(0, 8)
    seen = []
    for offset in np.arange(int(rng.integers(3, 7))) * rng.uniform(0.04, 0.07):
        steps = np.linspace(-0.5, 0.5, 9)
        begin, end = rng.uniform(-0.12, 0.12, 2)
        x = middle[0] + steps * length + begin * (steps < 0) + end * (steps > 0)
        z = middle[1] + steps * slope * length - offset + rng.normal(0, 0.008, 9)
        line = placed.flank(np.stack([x, z], 1))
        width = placed.scale * rng.uniform(0.02, 0.045)
        canvas.line(line, primer, max(width, 1.0), float(rng.uniform(0.7, 1.0)))
        seen.append(line)
    return np.concatenate(seen)


def _dent(canvas: Canvas, placed: Placed, rng: np.random.Generator) -> Array:
    """A hollow: its upper slope lies in shadow, its lower one catches the sky; a crease runs through it."""
    radius = np.array([rng.uniform(0.38, 0.7), rng.uniform(0.2, 0.3)])
    middle = _panel(placed, rng, 0.0)
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    uneven = 1 + 0.16 * np.sin(turn * 2 + rng.uniform(0, 6)) + 0.1 * np.sin(turn * 3 + rng.uniform(0, 6))
    ring = np.stack([np.cos(turn), np.sin(turn)], 1) * uneven[:, None]
    rim = placed.flank(middle + ring * radius)
    for share, factor, shift in ((1.0, 0.68, 0.25), (0.8, 0.54, 0.3), (0.7, 1.6, -0.36), (0.42, 1.45, -0.45)):
        part = placed.flank(middle + ring * radius * (share, share * 0.62) + (0, shift * radius[1]))
        canvas.shade(part, factor, placed.scale * 0.035)
    crease = middle + np.array([(-0.75, 0.1), (-0.2, -0.12), (0.3, 0.1), (0.8, -0.06)]) * radius
    canvas.line(placed.flank(crease), np.array(placed.car.paint) * 0.25, max(placed.scale * 0.022, 1.0), 0.85)
    canvas.line(placed.flank(crease - (0, 0.03)), np.array(placed.car.paint) * 0.5 + 120, placed.scale * 0.018, 0.7)
    return rim


def _lamp(canvas: Canvas, placed: Placed, rng: np.random.Generator) -> Array:
    """A hole with jagged edges where the lamp was, cracks around it, and splinters on the ground."""
    signs = [sign for sign in (1, -1) if placed.shows(sign)]
    sign = int(rng.choice(signs or [1, -1]))
    corners = lamp(placed, sign)
    middle = corners.mean(0)
    reach = placed.scale * rng.uniform(0.26, 0.4)
    turn = np.sort(rng.uniform(0, 2 * np.pi, 11))
    spike = rng.uniform(0.6, 1.25, 11)[:, None]
    hole = middle + np.stack([np.cos(turn), 0.72 * np.sin(turn)], 1) * reach * spike
    canvas.fill(hole, (34, 33, 34), (14, 14, 15))
    for k in range(0, 11, 2):
        canvas.line(np.array([hole[k], middle + (hole[k] - middle) * rng.uniform(1.3, 1.8)]), (24, 24, 26), 1.2, 0.8)
        shard = np.array([middle, hole[k], hole[(k + 1) % 11]]) * 0.5 + (middle + rng.normal(0, reach * 0.2, 2)) * 0.5
        canvas.fill(shard, (226, 230, 232) if sign > 0 else (196, 48, 40), alpha=0.85)
    return np.concatenate([hole, corners])


def _corner(canvas: Canvas, placed: Placed, rng: np.random.Generator) -> Array:
    """The corner that shows, pushed in: folded sheet metal in many tones, gaps between, the bumper hanging."""
    signs = [sign for sign in (1, -1) if placed.shows(sign)]
    sign = int(rng.choice(signs or [1, -1]))
    brow = placed.brow(sign)
    rows = np.array([0.26, 0.42, 0.58, 0.74, 0.9, 1.02]) * brow
    wrap = np.linspace(-0.75, 0.75, 8) if placed.shows(sign) else np.linspace(0.0, 0.75, 5)
    grid = np.array([[_around(placed, sign, along, z, rng) for along in wrap] for z in rows])
    pixels = placed.see(grid.reshape(-1, 3)).reshape(*grid.shape[:2], 2)
    paint = np.array(placed.car.paint)
    for row in range(len(rows) - 1):
        for column in range(len(wrap) - 1):
            a, b = pixels[row, column], pixels[row, column + 1]
            c, d = pixels[row + 1, column + 1], pixels[row + 1, column]
            for fold in ((a, b, c), (a, c, d)):
                tone = paint * rng.uniform(0.3, 1.25) + rng.uniform(-8, 14)
                canvas.fill(np.array(fold), tone.clip(0, 255))
            if rng.random() < 0.3:
                canvas.line(np.array([a, b]), (18, 18, 20), max(placed.scale * 0.035, 1.2), 0.9)
    bumper = pixels[0, :: max(1, len(wrap) // 4)] + (0, placed.scale * 0.06)
    canvas.line(bumper, (30, 30, 32), placed.scale * 0.09, 0.95)
    return pixels.reshape(-1, 2)


def _around(placed: Placed, sign: int, along: float, z: float, rng: np.random.Generator) -> Array:
    """A point of the crushed corner: `along` metres from its edge, back along the side, or below 0 across the end."""
    edge = float(placed.end_x(z, sign))
    depth = 0.16 * (1 - abs(along) / 0.8)
    push = depth * rng.uniform(0.3, 1.6)
    jitter = rng.normal(0, 0.025)
    inward = -np.sign(placed.side)
    if along >= 0:
        return np.array([edge - sign * (along + push), placed.side + inward * push, z + jitter])
    return np.array([edge - sign * push, placed.side + inward * (push - along), z + jitter])
