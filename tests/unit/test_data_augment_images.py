"""Versions of images: pixels and boxes go together, and seed, name and number decide everything."""

from __future__ import annotations

import dataclasses
import json
import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.augment import boxes as moving
from training.data.augment import images
from training.data.augment.draw import draw
from training.data.augment.pixels import for_opencv, render
from training.data.augment.policy import Policy, for_boxes, read
from training.data.records import Box
from training.errors import DataError

STILL = Policy(
    mirror=0,
    upend=0,
    crop=(0, 0),
    scale=(1, 1),
    translate=(0, 0),
    rotate=(0, 0),
    shear=(0, 0),
    borders=("constant",),
    blur_probability=0,
    noise_probability=0,
)
SIZE = (100, 60)
seeds = st.integers(0, 2**32 - 1)


def photo(width: int = 100, height: int = 60, channels: int = 3) -> np.ndarray:
    rough = np.random.default_rng(1).integers(0, 256, (height // 6, width // 6, channels), np.uint8)
    return cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)


def changed(**ranges) -> Policy:
    return dataclasses.replace(STILL, **ranges)


# --- geometry -----------------------------------------------------------------------------------------


def test_without_any_change_the_version_is_the_image():
    assert np.array_equal(images.version(photo(), "x", 1, seed=1, policy=STILL), photo())


@pytest.mark.parametrize(
    ("ranges", "wanted"),
    [
        ({"mirror": 1}, lambda image: image[:, ::-1]),
        ({"upend": 1}, lambda image: image[::-1]),
        ({"rotate": (180, 180)}, lambda image: image[::-1, ::-1]),
        ({"mirror": 1, "upend": 1, "rotate": (180, 180)}, lambda image: image),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_flips_move_every_pixel_to_its_place(ranges, wanted, channels):
    image = photo(channels=channels)
    made = images.version(image, "x", 1, seed=1, policy=changed(**ranges))
    assert made.shape == image.shape
    assert np.abs(made.astype(int) - wanted(image)).max() <= 1


def test_a_translation_by_whole_pixels_shows_the_fill_where_nothing_came_from():
    drawn = draw(changed(translate=(0.25, 0.25)), 1, "x", 1, size=SIZE)
    made = render(photo(), drawn, 1)
    assert np.array_equal(made[15:, 25:], photo()[:-15, :-25])
    assert (made[:15] == drawn.fill).all()
    assert (made[:, :25] == drawn.fill).all()


def test_a_crop_is_stretched_over_the_whole_image():
    made = images.version(photo(), "x", 1, seed=1, policy=changed(crop=(0.25, 0.25)))
    wanted = cv2.resize(photo()[15:45, 25:75], SIZE, interpolation=cv2.INTER_LINEAR)
    assert (
        np.abs(made.astype(int) - wanted)[2:-2, 2:-2].max() <= 3
    )  # the resize repeats its edge, the warp looks past it


@given(
    st.floats(-0.3, 0.3),
    st.floats(0.5, 2),
    st.floats(-0.5, 0.5),
    st.floats(-45, 45),
    st.floats(-16, 16),
    st.booleans(),
    st.booleans(),
)
def test_the_one_matrix_is_all_steps_after_each_other(crop, scale, moved, angle, shear, mirror, upend):
    width, height = SIZE
    ranges = {"crop": crop, "scale": scale, "translate": moved, "rotate": angle, "shear": shear}
    policy = changed(mirror=float(mirror), upend=float(upend), **{name: (one, one) for name, one in ranges.items()})

    def steps(*rows: list[float]) -> np.ndarray:
        return np.array([*rows, [0, 0, 1]])

    turn, slant, left = math.radians(angle), math.tan(math.radians(shear)), 1 - 2 * crop
    wanted = np.eye(3)
    for step in (
        steps([1 / left, 0, -crop * width / left], [0, 1 / left, -crop * height / left]),
        steps([-1, 0, width], [0, 1, 0]) if mirror else np.eye(3),
        steps([1, 0, 0], [0, -1, height]) if upend else np.eye(3),
        steps([1, 0, -width / 2], [0, 1, -height / 2]),
        steps([scale, 0, 0], [0, scale, 0]),
        steps([1, slant, 0], [0, 1, 0]),
        steps([math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0]),
        steps([1, 0, width * (0.5 + moved)], [0, 1, height * (0.5 + moved)]),
    ):
        wanted = step @ wanted
    got = draw(policy, 1, "x", 1, size=SIZE).matrix
    assert np.allclose(got, wanted[:2].ravel(), atol=1e-6)


# --- boxes --------------------------------------------------------------------------------------------


@given(seeds, st.integers(0, 60), st.integers(0, 30), st.integers(12, 40), st.integers(12, 30))
def test_a_box_lies_around_the_pixels_it_was_drawn_around(seed, left, top, width, height):
    """The reference is the picture: a white rectangle, warped, and looked for."""
    policy = dataclasses.replace(Policy(), blur_probability=0, noise_probability=0, visible=0)
    box = Box(1, left, top, left + width, top + height)
    image = np.zeros((60, 100, 1), np.uint8)
    image[top : top + height, left : left + width] = 255
    drawn = draw(for_boxes(policy), seed, "x", 1, size=SIZE)
    made = render(image, drawn._replace(border="constant", fill=0), seed)
    moved = moving.moved([box], drawn.matrix, SIZE, visible=0)
    rows, columns = np.nonzero(made[:, :, 0] > 127)
    if not moved:
        assert len(rows) <= 100  # thinner than a pixel, or gone
        return
    (new,) = moved
    assert new.class_id == 1
    assert 0 <= new.left < new.right <= 100
    assert 0 <= new.top < new.bottom <= 60
    if len(rows) > 30:  # a sharp corner holds no whole pixel
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert found[0] >= new.left - 1
        assert found[1] >= new.top - 1
        assert found[2] <= new.right + 1
        assert found[3] <= new.bottom + 1
        area = moving.area(moving.inside([moving.mapped(drawn.matrix, *at) for at in _corners(box)], *SIZE))
        assert len(rows) == pytest.approx(area, rel=0.15, abs=20)


def _corners(box: Box) -> list[tuple[float, float]]:
    return [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]


@pytest.mark.parametrize(
    ("ranges", "wanted"),
    [
        ({"mirror": 1}, Box(0, 70, 20, 90, 50)),
        ({"upend": 1}, Box(0, 10, 10, 30, 40)),
        ({"translate": (0.1, 0.1)}, Box(0, 20, 26, 40, 56)),
        ({"scale": (2, 2)}, Box(0, 0, 10, 10, 60)),
        ({"crop": (0.1, 0.1)}, Box(0, 0, 17.5, 25, 55)),
    ],
)
def test_boxes_of_known_geometry(ranges, wanted):
    drawn = draw(changed(**ranges), 1, "x", 1, size=SIZE)
    (got,) = moving.moved([Box(0, 10, 20, 30, 50)], drawn.matrix, SIZE, visible=0)
    assert got == pytest.approx(wanted)


def test_the_smallest_box_around_a_turned_square():
    drawn = draw(changed(rotate=(45, 45)), 1, "x", 1, size=SIZE)
    (got,) = moving.moved([Box(0, 40, 20, 60, 40)], drawn.matrix, SIZE, visible=0)
    half = 10 * math.sqrt(2)
    assert got == pytest.approx(Box(0, 50 - half, 30 - half, 50 + half, 30 + half))


@pytest.mark.parametrize(("share", "kept"), [(0.49, 1), (0.51, 0)])
def test_a_box_of_which_too_little_is_left_is_dropped(share, kept):
    drawn = draw(changed(translate=(-0.2, 0)), 1, "x", 1, size=SIZE)
    shift = -drawn.matrix[2]
    half_gone = Box(0, shift - 10, 30, shift + 10, 50)
    policy_boxes = moving.moved([half_gone], (1, 0, -shift, 0, 1, 0), SIZE, visible=share)
    assert len(policy_boxes) == kept


def test_objects_are_never_mirrored_at_the_border():
    assert for_boxes(Policy()).borders == ("constant", "edge")
    assert for_boxes(changed(borders=("reflect",))).borders == ("constant",)


# --- what decides -------------------------------------------------------------------------------------


def test_seed_name_and_number_decide_and_nothing_else():
    def made(name="a.png", copy=3, seed=7):
        return images.version(photo(), name, copy, seed=seed).tobytes()

    first = made()
    made(copy=9)
    assert made() == first
    assert len({first, made(name="b.png"), made(copy=4), made(seed=8)}) == 4


def test_a_batch_while_training_is_the_versions_of_its_images():
    batch = np.stack([photo(), photo()[::-1].copy()])
    made = images.batch(batch, [4, 17], epoch=2, seed=7)
    for place, position in enumerate((4, 17)):
        assert np.array_equal(made[place], images.version(batch[place], str(position), 2, seed=7))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_version_can_have_another_size(channels):
    made = images.version(photo(channels=channels), "x", 1, seed=7, out=(48, 32))
    assert made.shape == (32, 48, channels)
    still = images.version(photo(channels=channels), "x", 1, seed=7, policy=STILL, out=(50, 30))
    wanted = cv2.resize(photo(channels=channels), (50, 30), interpolation=cv2.INTER_LINEAR).reshape(still.shape)
    assert np.abs(still.astype(int) - wanted).max() <= 2


@pytest.mark.parametrize("in_colour", [0, 1])
def test_noise_has_the_deviation_that_was_asked_for(in_colour):
    policy = changed(noise_probability=1, noise=(8, 8), noise_in_colour=in_colour)
    grey = np.full((400, 600, 3), 128, np.uint8)
    noise = images.version(grey, "x", 1, seed=7, policy=policy).astype(float) - 128
    assert noise.mean() == pytest.approx(0, abs=0.1)
    assert noise.std() == pytest.approx(8, rel=0.02)
    assert (noise[..., 0] == noise[..., 1]).all() == (in_colour == 0)


def test_an_image_larger_than_the_store_of_noise_gets_noise_too():
    policy = changed(noise_probability=1, noise=(8, 8), noise_in_colour=1)
    large = np.full((1200, 1300, 3), 128, np.uint8)
    assert images.version(large, "x", 1, seed=7, policy=policy).std() == pytest.approx(8, rel=0.02)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 3), (3, 200)])
def test_the_smallest_images_have_versions(size):
    image = np.full((size[1], size[0], 3), 200, np.uint8)
    for copy in range(40):
        assert images.version(image, "x", copy, seed=7).shape == image.shape


def test_pixels_and_boxes_have_the_same_matrix_but_for_the_middle_of_a_pixel():
    drawn = draw(Policy(), 7, "x", 1, size=SIZE)
    warp = for_opencv(drawn.matrix)
    assert warp @ [20 - 0.5, 30 - 0.5, 1] + 0.5 == pytest.approx(moving.mapped(drawn.matrix, 20, 30))


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"rotate": [10, -10]}, "smaller number"),
        ({"rotate": 10}, "must be a list such as"),
        ({"rotate": [1, 2, 3]}, "must be a list such as"),
        ({"scale": [0, 1]}, "scale = 0: must be a number from 0.05"),
        ({"crop": [0, 0.5]}, "crop = 0.5"),
        ({"mirror": 2}, "mirror = 2"),
        ({"mirror": "often"}, "mirror = 'often'"),
        ({"mirror": True}, "mirror = True"),
        ({"noise": [0, float("nan")]}, "noise = nan"),
        ({"borders": []}, "must name one or more"),
        ({"borders": ["wrap"]}, "must name one or more"),
        ({"twist": 1}, "with some of mirror, upend"),
        ([1], "must be a JSON object"),
    ],
)
def test_a_wrong_policy_is_named(tmp_path, document, says):
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=says):
        read(path)


def test_a_policy_from_a_file_changes_what_it_names(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text('{"rotate": [-10, 10], "mirror": 0, "borders": ["edge"]}')
    assert read(path) == dataclasses.replace(Policy(), rotate=(-10, 10), mirror=0, borders=("edge",))
    path.write_text("{")
    with pytest.raises(DataError, match="is not JSON"):
        read(path)
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "none.json")
