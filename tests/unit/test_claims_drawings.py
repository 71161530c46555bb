"""Drawn car scenes: repeatable, with the boxes and the damage that can be seen in them."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.records import Records
from training.errors import DataError
from training.workloads.claims import car as cars
from training.workloads.claims import damage as damages
from training.workloads.claims import data, scene
from training.workloads.claims.canvas import NOBODY, Camera, Canvas
from training.workloads.claims.shapes import SHAPES

CAMERA = Camera(focal=400, centre=192, horizon=130, height=1.6)


def rng(index: int) -> np.random.Generator:
    return np.random.default_rng([5, index])


def inside(box: tuple[float, ...]) -> bool:
    left, top, right, bottom = box
    return 0 <= left < right <= scene.WIDTH and 0 <= top < bottom <= scene.HEIGHT


def test_a_drawing_is_decided_by_its_seed():
    first, again, other = (scene.claim(rng(k), damaged=True) for k in (1, 1, 2))
    assert np.array_equal(first.image, again.image)
    assert (first.cars, first.damage) == (again.cars, again.damage)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("index", range(4))
def test_a_claim_shows_its_car_close_by_and_its_damage_on_it(index):
    drawing = scene.claim(rng(index), damaged=True)
    assert drawing.image.shape == (scene.HEIGHT, scene.WIDTH, 3)
    assert drawing.image.dtype == np.uint8
    left, top, right, bottom = drawing.cars[0]
    assert right - left > 0.35 * scene.WIDTH
    assert drawing.damage
    for each in drawing.damage:
        assert each.kind in damages.KINDS
        assert inside(each.box)
        middle = (each.box[0] + each.box[2]) / 2, (each.box[1] + each.box[3]) / 2
        assert left - 2 <= middle[0] <= right + 2
        assert top - 2 <= middle[1] <= bottom + 2


def test_whole_cars_and_empty_streets_have_nothing_to_find():
    assert scene.claim(rng(3), damaged=False).damage == ()
    assert (scene.empty(rng(1)).cars, scene.empty(rng(1)).damage) == ((), ())


@pytest.mark.parametrize("index", range(3))
def test_traffic_shows_no_car_without_a_box_and_no_box_without_a_car(index):
    drawing = scene.traffic(rng(index))
    assert len(drawing.cars) <= 4
    assert all(inside(box) for box in drawing.cars)
    assert all(min(box[2] - box[0], box[3] - box[1]) >= scene.LEAST_SIDE for box in drawing.cars)


@pytest.mark.parametrize("name", list(SHAPES))
@pytest.mark.parametrize("yaw", [0.0, 0.8, np.pi / 2, np.pi, -0.8])
def test_a_car_is_where_its_length_and_width_put_it(name, yaw):
    """What is painted lies within the corners of the car's own block, and fills most of it."""
    shape = SHAPES[name]
    canvas = Canvas(288, 384)
    canvas.painter = 3
    placed = cars.draw(canvas, cars.Car(shape, 0.4, 8.0, yaw, (150, 40, 40), 1), CAMERA)
    half, wide = shape.length / 2, shape.width / 2 * 1.12  # mirrors stand out
    block = placed.see([(x, y, z) for x in (half, -half) for y in (wide, -wide) for z in (0.0, 2.0)])
    rows, columns = np.nonzero(canvas.owner == 3)
    assert columns.min() >= block[:, 0].min() - 3
    assert columns.max() <= block[:, 0].max() + 3
    assert rows.max() <= block[:, 1].max() + 3
    assert columns.max() - columns.min() > 0.7 * (block[:, 0].max() - block[:, 0].min())
    assert set(np.unique(canvas.owner)) == {NOBODY, 3}


@pytest.mark.parametrize("kind", damages.KINDS)
@pytest.mark.parametrize("yaw", [0.2, 2.6])
def test_damage_changes_the_car_where_its_box_says(kind, yaw):
    canvas = Canvas(288, 384)
    canvas.pixels[:] = 128
    placed = cars.draw(canvas, cars.Car(SHAPES["sedan"], 0, 6.5, yaw, (190, 40, 40), 1), CAMERA)
    before = canvas.pixels.copy()
    found = damages.inflict(canvas, placed, kind, rng(9))
    assert found is not None
    left, top, right, bottom = (int(edge) for edge in found.box)
    change = np.abs(canvas.pixels - before).mean(2)
    assert change[top:bottom, left:right].mean() >= damages.LEAST_CHANGE
    change[max(0, top - 14) : bottom + 14, max(0, left - 14) : right + 14] = 0
    assert change.max() < 3, "the edge of a shadow or a splinter at most"


def test_damage_that_nobody_sees_is_none():
    canvas = Canvas(288, 384)
    placed = cars.Placed(cars.Car(SHAPES["sedan"], 60, 6.5, 0.1, (190, 40, 40), 1), CAMERA)
    assert damages.inflict(canvas, placed, damages.DENT, rng(1)) is None


def test_a_larger_sample_begins_with_the_smaller_one():
    small, large = (
        data.load("synthetic", classes=None, per_class=count, seed=3, cache=None)  # type: ignore[arg-type]
        for count in (1, 2)
    )
    assert np.array_equal(large.images[:2], small.images)
    assert large.names[:2] == small.names
    assert (small.classes, small.labels.tolist()) == (("damaged", "whole"), [0, 1])


def test_several_processes_draw_what_one_does(monkeypatch):
    alone = data.load_scenes("synthetic", per_class=2, seed=3)
    monkeypatch.setattr(data, "SHARED", 2)
    seen: list[tuple[int, int]] = []
    together = data.load_scenes("synthetic", per_class=2, seed=3, progress=lambda *done: seen.append(done))
    assert np.array_equal(alone.images, together.images)
    assert (alone.boxes, alone.names) == (together.boxes, together.names)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_scenes_have_boxes_and_a_third_as_many_have_none():
    records: Records = data.load_scenes("synthetic", per_class=3, seed=3)
    assert [bool(found) for found in records.boxes or ()] == [True, True, True, False]
    assert records.labels.tolist() == [1, 1, 1, 0]
    assert (records.classes, records.synthetic) == (("car",), True)


def test_other_classes_are_refused():
    with pytest.raises(DataError, match="damaged,whole"):
        data.load("synthetic", classes=("dent", "whole"), per_class=1, seed=3, cache=None)  # type: ignore[arg-type]
