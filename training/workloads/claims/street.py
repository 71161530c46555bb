"""Where it happens: the ground, what stands along it, the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.workloads.claims.canvas import texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.workloads.claims.canvas import Camera, Canvas

    Array = NDArray[Any]

PLACES = ("facades", "avenue", "park")
_SKIES = (((142, 182, 228), (212, 224, 236)), ((186, 192, 200), (222, 224, 226)), ((120, 140, 180), (240, 206, 176)))
_WALLS = ((176, 128, 104), (204, 192, 170), (150, 156, 162), (190, 176, 128), (128, 110, 104), (214, 210, 204))
_LAWNS = ((96, 128, 70), (128, 138, 84), (108, 118, 76))


def paint(canvas: Canvas, camera: Camera, place: str, rng: np.random.Generator) -> None:
    """Paint a place: `facades` across the road, an `avenue` that leads away, or a car `park` by a meadow."""
    height, width = canvas.owner.shape
    high, low = _SKIES[int(rng.integers(len(_SKIES)))]
    screen = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    canvas.fill(screen, high, low)
    canvas.pixels += texture(rng, height, width, 60) * 7
    tar = np.array((104, 104, 106)) * rng.uniform(0.72, 1.2) + rng.normal(0, 4, 3)
    ground = np.array([(0, camera.horizon), (width, camera.horizon), (width, height), (0, height)], float)
    canvas.fill(ground, tar * 1.12, tar * 0.92)
    {"facades": _facades, "avenue": _avenue, "park": _park}[place](canvas, camera, rng)
    rows = slice(max(0, int(camera.horizon)), height)
    grain = texture(rng, height, width, 3) * 3 + texture(rng, height, width, 24) * 4
    canvas.pixels[rows] += grain[rows]


def _flat(camera: Camera, left: float, right: float, near: float, far: float) -> Array:
    """Part of the ground."""
    return camera.see([(left, far, 0), (right, far, 0), (right, near, 0), (left, near, 0)])


def _facades(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    depth = rng.uniform(11, 17)
    canvas.fill(_flat(camera, -60, 60, depth - 3.2, depth), (156, 152, 146), (144, 140, 134))
    canvas.fill(_flat(camera, -60, 60, depth - 3.4, depth - 3.2), (188, 186, 180))
    x = -depth * 0.8 - rng.uniform(0, 6)
    while x < depth * 0.9:
        wide, tall = rng.uniform(5, 11), rng.uniform(5, 11)
        corners = np.array([(x, depth, tall), (x + wide, depth, tall), (x + wide, depth, 0), (x, depth, 0)])
        _house(canvas, camera, corners, rng)
        x += wide
    if rng.random() < 0.5:
        lane = rng.uniform(6.2, 7.6)
        for x in np.arange(-16, 16, 4.0) + rng.uniform(0, 4):
            canvas.fill(_flat(camera, x, x + 2, lane, lane + 0.14), (206, 206, 200))


def _avenue(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    half = rng.uniform(6.5, 8.5)
    for side in (-1, 1):
        near = [(side * half, 1.0, 0), (side * (half + 30), 1.0, 0), (side * (half + 30), 90, 0), (side * half, 90, 0)]
        canvas.fill(camera.see(near), (158, 154, 148), (142, 138, 132))
        edge = [
            (side * half, 1.0, 0),
            (side * (half + 0.2), 1.0, 0),
            (side * (half + 0.2), 90, 0),
            (side * half, 90, 0),
        ]
        canvas.fill(camera.see(edge), (190, 188, 182))
        wall, y = side * (half + rng.uniform(2.0, 3.5)), 62.0
        while y > 3:
            deep, tall = rng.uniform(6, 12), rng.uniform(5, 12)
            begin, end = max(y - deep, 1.5), y
            first, last = (begin, end) if side < 0 else (end, begin)
            corners = np.array([(wall, first, tall), (wall, last, tall), (wall, last, 0), (wall, first, 0)])
            _house(canvas, camera, corners, rng)
            y -= deep
    for y in np.arange(2.0, 70, 4.0) + rng.uniform(0, 3):
        canvas.fill(_flat(camera, -0.07, 0.07, y, y + 2), (204, 204, 198))


def _park(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    edge = rng.uniform(10, 16)
    lawn = np.array(_LAWNS[int(rng.integers(len(_LAWNS)))]) * rng.uniform(0.85, 1.1)
    canvas.fill(_flat(camera, -90, 90, edge, 200), lawn * 0.9, lawn * 1.1)
    hedge = camera.see([(-90, 45, 4), (90, 45, 4), (90, 45, 0), (-90, 45, 0)])
    canvas.fill(hedge, lawn * 0.62, lawn * 0.45)
    for _ in range(int(rng.integers(3, 8))):
        tree(canvas, camera, float(rng.uniform(-14, 14)), float(rng.uniform(edge + 2, 32)), rng)
    if rng.random() < 0.7:
        near, far = edge - 6, edge - 1
        for x in np.arange(-14, 14, 2.6) + rng.uniform(0, 2):
            canvas.fill(_flat(camera, x, x + 0.12, near, far), (198, 198, 192))


def _house(canvas: Canvas, camera: Camera, corners: Array, rng: np.random.Generator) -> None:
    """A front with windows; `corners` are those of the wall: upper first, upper last, lower last, lower first."""
    wall = np.array(_WALLS[int(rng.integers(len(_WALLS)))]) * rng.uniform(0.8, 1.1)
    canvas.fill(camera.see(corners), np.minimum(wall * 1.06, 255), wall * 0.92)
    tall = corners[0, 2]
    length = float(np.linalg.norm(corners[1] - corners[0]))
    columns, floors = max(1, round(length / rng.uniform(2.0, 3.0))), max(1, round(tall / 3))
    pane = np.array((78, 90, 104)) * rng.uniform(0.7, 1.3)
    across = (np.arange(columns)[:, None] + (0.28, 0.72, 0.72, 0.28)) / columns
    down = (np.arange(floors)[:, None, None] + np.array((0.22, 0.22, 0.74, 0.74))) / floors
    down = np.repeat(down, columns, axis=1)
    doors = rng.random(columns) < 0.25
    down[-1, doors, 2:] = 1.0
    right, below = (corners[k] - corners[0] for k in (1, 3))
    panes = corners[0] + across[None, ..., None] * right + down[..., None] * below
    canvas.fill(camera.see(panes.reshape(-1, 4, 3)), pane * 1.2, pane * 0.75)
    canvas.fill(camera.see([*corners[:2], corners[1] - (0, 0, 0.3), corners[0] - (0, 0, 0.3)]), wall * 0.6)


def tree(canvas: Canvas, camera: Camera, x: float, y: float, rng: np.random.Generator) -> None:
    """A trunk and a crown of many round patches, lit from above."""
    tall = rng.uniform(3.5, 7)
    bark = np.array((92, 74, 58)) * rng.uniform(0.8, 1.2)
    width = rng.uniform(0.12, 0.24)
    trunk = [(x - width, y, 0), (x - width * 0.6, y, tall * 0.6), (x + width * 0.6, y, tall * 0.6), (x + width, y, 0)]
    canvas.fill(camera.see(trunk), bark, bark * 0.8)
    leaf = np.array((78, 112, 58)) * rng.uniform(0.7, 1.2) + rng.normal(0, 8, 3)
    turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    circle = np.stack([np.cos(turn), np.zeros(14), np.sin(turn)], 1)
    for k in range(12):
        spot = np.array([x, y, tall * 0.72]) + rng.normal(0, 1, 3) * (tall * 0.15, 0, tall * 0.12)
        size = tall * rng.uniform(0.1, 0.2)
        blob = spot + circle * size
        light = 0.7 + 0.04 * k + 0.25 * (spot[2] - tall * 0.72) / tall
        canvas.fill(camera.see(blob), np.clip(leaf * (light + 0.12), 0, 255), np.clip(leaf * light * 0.75, 0, 255))
