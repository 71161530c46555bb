"""What is in a street besides cars: people, bicycles, posts, bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.workloads.claims.street import tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from training.workloads.claims.canvas import Camera, Canvas

    Array = NDArray[Any]

_TURN = np.linspace(0, 2 * np.pi, 20)


def _upright(camera: Camera, x: float, y: float, points: Array) -> Array:
    """Pixels of points (across, up) in metres on a plane that faces the camera."""
    flat = np.asarray(points, float)
    return camera.see(np.stack([flat[:, 0] + x, np.full(len(flat), y), flat[:, 1]], 1))


def _disc(radius: float, across: float, up: float) -> Array:
    return np.stack([np.cos(_TURN) * radius + across, np.sin(_TURN) * radius + up], 1)


def _shadow(canvas: Canvas, camera: Camera, x: float, y: float, reach: float) -> None:
    ring = np.stack([np.cos(_TURN) * reach + x, np.sin(_TURN) * reach * 0.6 + y, np.zeros(20)], 1)
    canvas.shade(camera.see(ring), 0.6, camera.focal / y * 0.05)


def _cloth(rng: np.random.Generator) -> Array:
    return rng.uniform(40, 200) + rng.normal(0, 40, 3)


def person(canvas: Canvas, camera: Camera, x: float, y: float, rng: np.random.Generator) -> None:
    """Somebody who stands or walks."""
    tall, stride = rng.uniform(1.55, 1.9), rng.uniform(0.02, 0.3)
    coat, legs = np.clip(_cloth(rng), 20, 235), np.clip(_cloth(rng) * 0.6, 15, 160)
    skin = np.array((214, 170, 140)) * rng.uniform(0.5, 1.05)
    _shadow(canvas, camera, x, y, 0.35)
    hip, neck = tall * 0.5, tall * 0.83
    for foot in (-stride, stride):
        leg = [(foot - 0.07, 0), (-0.12 * (foot < 0), hip), (0.12 * (foot > 0) + 0.02, hip), (foot + 0.08, 0)]
        canvas.fill(_upright(camera, x, y, np.array(leg)), legs, legs * 0.7)
    body = [(-0.2, hip - 0.05), (-0.24, neck - 0.05), (-0.1, neck), (0.1, neck), (0.24, neck - 0.05), (0.2, hip - 0.05)]
    canvas.fill(_upright(camera, x, y, np.array(body)), coat, coat * 0.75)
    for side in (-1, 1):
        arm = [(side * 0.22, neck - 0.06), (side * 0.3, hip + 0.05)]
        canvas.line(_upright(camera, x, y, np.array(arm)), coat * 0.85, camera.focal / y * 0.11)
    canvas.fill(_upright(camera, x, y, _disc(0.115, 0, tall - 0.12)), skin, skin * 0.8)
    canvas.fill(_upright(camera, x, y, _disc(0.115, 0, tall - 0.08)[:10]), _cloth(rng).clip(20, 90))


def bicycle(canvas: Canvas, camera: Camera, x: float, y: float, rng: np.random.Generator) -> None:
    """A bicycle seen from its side."""
    paint, way = np.clip(_cloth(rng), 20, 220), 1 if rng.random() < 0.5 else -1
    pixel = camera.focal / y
    for hub in (-0.52, 0.52):
        canvas.line(_upright(camera, x, y, _disc(0.33, hub, 0.34)), (32, 32, 34), pixel * 0.04)
        spokes = [_upright(camera, x, y, _disc(0.3, hub, 0.34)[[k, k + 9]]) for k in range(0, 9, 2)]
        canvas.line(np.array(spokes), (150, 150, 152), pixel * 0.01, 0.6)
    for path in (
        [(-0.52, 0.34), (-0.1, 0.32), (-0.24, 0.85), (-0.52, 0.34)],
        [(-0.1, 0.32), (0.38, 0.8), (-0.22, 0.78)],
        [(0.52, 0.34), (0.36, 0.95), (0.5, 1.0)],
        [(-0.36, 0.9), (-0.12, 0.9)],
    ):
        canvas.line(_upright(camera, x, y, np.array(path) * (way, 1)), paint, pixel * 0.045)


def post(canvas: Canvas, camera: Camera, x: float, y: float, rng: np.random.Generator) -> None:
    """A lamp post or a sign."""
    tone = np.full(3, rng.uniform(60, 150))
    wide, tall = rng.uniform(0.05, 0.11), rng.uniform(2.6, 5)
    _shadow(canvas, camera, x, y, 0.2)
    pole = np.array([(-wide, 0), (-wide, tall), (wide, tall), (wide, 0)])
    canvas.fill(_upright(camera, x, y, pole), tone, tone * 0.8)
    if rng.random() < 0.6:
        colour = ((190, 40, 40), (40, 80, 160), (225, 190, 50))[int(rng.integers(3))]
        canvas.fill(_upright(camera, x, y, _disc(0.34, 0, tall - 0.3)), colour)
        canvas.fill(_upright(camera, x, y, _disc(0.22, 0, tall - 0.3)), (228, 228, 224))


def bin_(canvas: Canvas, camera: Camera, x: float, y: float, rng: np.random.Generator) -> None:
    """A bin or a box on the pavement."""
    wide, tall = rng.uniform(0.3, 0.7), rng.uniform(0.8, 1.4)
    tone = np.array(((60, 84, 66), (70, 76, 92), (120, 96, 70))[int(rng.integers(3))]) * rng.uniform(0.7, 1.2)
    _shadow(canvas, camera, x, y, wide)
    canvas.fill(
        _upright(camera, x, y, np.array([(-wide, 0), (-wide, tall), (wide, tall), (wide, 0)])), tone, tone * 0.7
    )
    lid = np.array([(-wide * 1.1, tall), (-wide, tall * 1.12), (wide, tall * 1.12), (wide * 1.1, tall)])
    canvas.fill(_upright(camera, x, y, lid), tone * 1.2)


PASSERS: dict[str, Callable[[Canvas, Camera, float, float, np.random.Generator], None]] = {
    "person": person,
    "bicycle": bicycle,
    "post": post,
    "bin": bin_,
    "tree": tree,
}
