"""Whole pictures: who stands where, what becomes of it on the film, and where the cars are in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training.workloads.claims import car as cars
from training.workloads.claims import damage as damages
from training.workloads.claims import street
from training.workloads.claims.canvas import NOBODY, Camera, Canvas
from training.workloads.claims.car import Car
from training.workloads.claims.passers import PASSERS
from training.workloads.claims.shapes import SHAPES, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.workloads.claims.damage import Damage

    Image = NDArray[np.uint8]
    Box = tuple[float, float, float, float]

HEIGHT, WIDTH = 144, 192
"""Of a picture, in pixels: the proportions of most cameras."""
FINER = 2
"""How much larger a picture is while it is drawn."""

MORE = 0.4
"""How likely each further kind of damage is."""

LEAST_SHOWN, LEAST_SIDE = 0.3, 9
"""A car of which less can be seen, or that is smaller in pixels, is left out: nobody could say where it ends."""

_PAINTS = (
    (186, 30, 34),
    (36, 62, 128),
    (228, 228, 226),
    (34, 35, 38),
    (146, 150, 154),
    (70, 92, 74),
    (206, 160, 54),
    (96, 40, 52),
    (88, 130, 168),
)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something besides cars: a name in `PASSERS`, and where it stands."""

    kind: str
    x: float
    y: float
    seed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a picture is made of; the first car is the one that a claim is about."""

    camera: Camera
    place: str
    cars: tuple[Car, ...]
    things: tuple[Thing, ...]
    damage: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture and what is known about it.

    Attributes
    ----------
    image
        uint8 of shape (HEIGHT, WIDTH, 3), RGB.
    cars
        Boxes around what can be seen of each car: left, top, right, bottom, in pixels.
    damage
        What is damaged, and where; the part that was hit first comes first.
    """

    image: Image
    cars: tuple[Box, ...]
    damage: tuple[Damage, ...]


def claim(rng: np.random.Generator, *, damaged: bool) -> Drawing:
    """A photo as it is sent with a claim: one car close by, damaged or whole, perhaps others behind it."""
    order = rng.permutation(damages.KINDS).tolist() if damaged else []
    # Something is hit, and often more than one part with it.
    kinds = tuple(kind for number, kind in enumerate(order) if number == 0 or rng.random() < MORE)
    while True:
        drawing = _render(_claim(rng, kinds))
        # Where the damage is out of the picture or too faint, the photo is taken anew.
        if drawing.cars and bool(drawing.damage) == damaged:
            return drawing


def _claim(rng: np.random.Generator, kinds: tuple[str, ...]) -> Plan:
    camera, shape = _camera(rng), _shape(rng)
    yaw = rng.choice([0, np.pi]) + rng.normal(0, 0.42)
    share = rng.uniform(0.6, 0.92)
    # A car in half profile is narrower, so that the camera has come closer.
    across = shape.length * abs(np.cos(yaw)) + shape.width * abs(np.sin(yaw))
    near = max(camera.focal * across / (share * WIDTH * FINER), 0.55 * shape.length * abs(np.sin(yaw)) + 3.2)
    main = Car(shape, float(rng.normal(0, 0.05) * near), near, float(yaw), _paint(rng), _seed(rng))
    place = street.PLACES[int(rng.choice(3, p=(0.5, 0.15, 0.35)))]
    behind = [_parked(rng, place, near + 4.5) for _ in range(int(rng.choice(3, p=(0.6, 0.3, 0.1))))]
    things = [_thing(rng, camera, near + 3.0, 16) for _ in range(int(rng.integers(0, 3)))]
    return Plan(camera, place, (main, *behind), tuple(things), kinds, _seed(rng))


def traffic(rng: np.random.Generator, *, most: int = 4) -> Drawing:
    """A street with one to `most` cars, some behind one another or behind something else."""
    camera = _camera(rng)
    place = street.PLACES[int(rng.integers(3))]
    chosen: list[Car] = []
    for _ in range(int(rng.integers(1, most + 1)) * 3):
        another = _parked(rng, place, float(rng.uniform(5.5, 13)))
        apart = all(np.hypot(another.x - other.x, (another.y - other.y) * 1.4) > 4.6 for other in chosen)
        if apart and len(chosen) < most:
            chosen.append(another)
    things = [_thing(rng, camera, 4.5, 16) for _ in range(int(rng.integers(0, 5)))]
    return _render(Plan(camera, place, tuple(chosen), tuple(things), (), _seed(rng)))


def empty(rng: np.random.Generator) -> Drawing:
    """A street without a car: people, bicycles, trees, or nothing at all."""
    camera = _camera(rng)
    place = street.PLACES[int(rng.integers(3))]
    things = [_thing(rng, camera, 3.5, 14) for _ in range(int(rng.integers(0, 6)))]
    return _render(Plan(camera, place, (), tuple(things), (), _seed(rng)))


def _camera(rng: np.random.Generator) -> Camera:
    high, wide = HEIGHT * FINER, WIDTH * FINER
    focal = wide * rng.uniform(0.95, 1.3)
    return Camera(
        float(focal),
        wide / 2 + float(rng.normal(0, 6)),
        high * float(rng.uniform(0.36, 0.5)),
        float(rng.uniform(1.35, 2.2)),
    )


def _shape(rng: np.random.Generator) -> Shape:
    return list(SHAPES.values())[int(rng.integers(len(SHAPES)))]


def _paint(rng: np.random.Generator) -> tuple[float, float, float]:
    red, green, blue = np.clip(
        np.array(_PAINTS[int(rng.integers(len(_PAINTS)))]) * rng.uniform(0.8, 1.1) + rng.normal(0, 10, 3), 12, 240
    )
    return float(red), float(green), float(blue)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _parked(rng: np.random.Generator, place: str, near: float) -> Car:
    """Another car at least so far away: along the road, or any way round in a car park."""
    y = near + float(rng.exponential(2.0))
    if place == "avenue":
        side = 1 if rng.random() < 0.5 else -1
        yaw, x = side * np.pi / 2 + rng.normal(0, 0.12), side * rng.uniform(1.6, 5.2)
    else:
        yaw = rng.choice([0, np.pi]) + rng.normal(0, 0.12) if place == "facades" else rng.uniform(0, 2 * np.pi)
        x = rng.uniform(-0.62, 0.62) * y
    return Car(_shape(rng), float(x), y, float(yaw), _paint(rng), _seed(rng))


def _thing(rng: np.random.Generator, camera: Camera, near: float, far: float) -> Thing:
    kind = list(PASSERS)[int(rng.choice(5, p=(0.32, 0.22, 0.18, 0.1, 0.18)))]
    y = float(rng.uniform(near, far)) + (2.5 if kind == "tree" else 0)
    return Thing(kind, float(rng.uniform(-0.48, 0.48)) * y * WIDTH * FINER / camera.focal, y, _seed(rng))


def _render(plan: Plan) -> Drawing:
    """Draw a plan; once more without the cars that turn out to be hidden, until all that are there count."""
    canvas = Canvas(HEIGHT * FINER, WIDTH * FINER)
    rng = np.random.default_rng(plan.seed)
    street.paint(canvas, plan.camera, plan.place, rng)
    background = canvas.pixels.copy()
    while True:
        drawn, damage = _populate(canvas, plan)
        boxes = [_box(canvas.owner == number, drawn[number]) for number in range(len(plan.cars))]
        if None not in boxes:
            return Drawing(_photograph(canvas, rng), tuple(box for box in boxes if box is not None), damage)
        kept = tuple(car for car, box in zip(plan.cars, boxes, strict=True) if box is not None)
        plan = replace(plan, cars=kept)
        canvas.pixels[:], canvas.owner[:] = background, NOBODY


def _populate(canvas: Canvas, plan: Plan) -> tuple[list[int], tuple[Damage, ...]]:
    """Draw what stands in the street, the furthest first; how many pixels of each car there were, and the damage."""
    drawn = [0] * len(plan.cars)
    seen: list[Damage | None] = []
    everything: list[tuple[float, int, Car | Thing]] = [(car.y, number, car) for number, car in enumerate(plan.cars)]
    everything += [(thing.y, NOBODY, thing) for thing in plan.things]
    for _, number, item in sorted(everything, key=lambda entry: -entry[0]):
        canvas.painter = number
        rng = np.random.default_rng(item.seed)
        if isinstance(item, Thing):
            PASSERS[item.kind](canvas, plan.camera, item.x, item.y, rng)
            continue
        placed = cars.draw(canvas, item, plan.camera)
        damages.soil(canvas, placed, rng)
        if number == 0:
            seen = [damages.inflict(canvas, placed, kind, rng) for kind in plan.damage]
        drawn[number] = int((canvas.owner == number).sum())
    return drawn, tuple(damages.Damage(each.kind, _reduced(each.box)) for each in seen if each is not None)


def _box(shown: NDArray[Any], drawn: int) -> Box | None:
    """Around what can be seen of a car; None where that is too little of it."""
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if not len(rows) or shown.sum() < LEAST_SHOWN * drawn:
        return None
    box = _reduced((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    return box if min(box[2] - box[0], box[3] - box[1]) >= LEAST_SIDE else None


def _reduced(box: Sequence[float]) -> Box:
    """A box of the canvas in pixels of the picture, cut at its border."""
    left, top, right, bottom = np.clip(np.array(box, float) / FINER, 0, (WIDTH, HEIGHT, WIDTH, HEIGHT)).tolist()
    return left, top, right, bottom


def _photograph(canvas: Canvas, rng: np.random.Generator) -> Image:
    """Reduce to the final size with the camera's exposure, tint, softness, vignette and noise."""
    small = cv2.resize(canvas.pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.3:
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, 0.7)))
    exposure = rng.uniform(0.5, 0.75) if rng.random() < 0.15 else rng.uniform(0.82, 1.14)
    tint = 1 + rng.normal(0, 0.025, 3)
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    vignette = 1 - rng.uniform(0, 0.16) * (rows**2 + columns**2) / 2
    small = small * (exposure * tint) * vignette[..., None]
    return np.clip(np.rint(small + rng.normal(0, rng.uniform(1.5, 5), small.shape)), 0, 255).astype(np.uint8)
