"""Splits: nothing a model was trained on judges it, whether by image, by group or by likeness."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data import duplicates, grouping
from training.data.records import Box, Records
from training.data.splits import SPLITS, LeftOut, Shares, split
from training.errors import DataError


def records(labels: list[int], contents: list[int], tests: list[bool] | None = None, **more) -> Records:
    images = np.zeros((len(labels), 8, 8, 3), np.uint8)
    images[:, 0, 0, :2] = np.array(contents).reshape(-1, 1) // [256, 1] % 256
    flags = None if tests is None else np.array(tests)
    names = [f"{k}.png" for k in range(len(labels))]
    return Records(images, np.array(labels), names, flags, ("a", "b"), "made", True, **more)


def grouped(count: int, groups: list[int], tests: list[bool] | None = None) -> Records:
    """Images that all differ, of two classes in turn."""
    labels = [k % 2 for k in range(count)]
    return records(labels, list(range(count)), tests, groups=tuple(f"patient-{group}" for group in groups))


@given(st.data(), st.integers(0, 99))
def test_no_image_stands_in_two_splits(draw, seed):
    count = draw.draw(st.integers(20, 60))
    contents = draw.draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    tests = draw.draw(st.none() | st.lists(st.booleans(), min_size=count, max_size=count))
    given_records = records([k % 2 for k in range(count)], contents, tests)
    try:
        parts, left_out = split(given_records, Shares(), seed)
    except DataError:
        return  # so few distinct images that a split would lack a class
    seen = {name: {contents[at] for at in parts[name]} for name in SPLITS}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]
    assert sum(map(len, parts.values())) == len(set(contents)) == count - left_out.duplicates
    if tests is not None:
        testing = {content for content, flag in zip(contents, tests, strict=True) if flag}
        assert seen["test"] == testing
    again, _ = split(given_records, Shares(), seed)
    assert all(np.array_equal(parts[name], again[name]) for name in SPLITS)


def test_per_class_bounds_every_class():
    given_records = records([k % 2 for k in range(100)], list(range(100)))
    parts, _ = split(given_records, Shares(per_class=20), seed=1)
    chosen = np.concatenate(list(parts.values()))
    assert np.bincount(given_records.labels[chosen]).tolist() == [20, 20]
    with pytest.raises(DataError, match="more images per class"):
        split(given_records, Shares(per_class=1), seed=1)


@given(st.data(), st.integers(0, 99), st.none() | st.integers(8, 30))
def test_no_group_stands_in_two_splits(draw, seed, per_class):
    count = draw.draw(st.integers(30, 80))
    groups = draw.draw(st.lists(st.integers(0, 25), min_size=count, max_size=count))
    tests = draw.draw(st.none() | st.lists(st.booleans(), min_size=count, max_size=count))
    given_records = grouped(count, groups, tests)
    try:
        parts, left_out = split(given_records, Shares(per_class), seed)
    except DataError:
        return  # so few groups that a split would lack a class
    seen = {name: {groups[at] for at in parts[name]} for name in SPLITS}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]
    chosen = np.concatenate(list(parts.values()))
    assert len(set(chosen.tolist())) == len(chosen)
    if per_class is None:
        assert len(chosen) == count - left_out.of_test_groups
    else:
        assert max(np.bincount(given_records.labels[chosen])) <= per_class
    if tests is not None:
        assert all(tests[at] for at in parts["test"])


def test_groups_are_divided_by_the_shares_with_each_class_in_balance():
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 12, 150)
    labels = np.repeat((rng.random(150) < 0.25).astype(int), sizes)  # a quarter of the patients are of the rare class
    groups = np.repeat(np.arange(150), sizes)
    given_records = records(labels.tolist(), list(range(len(labels))), groups=tuple(map(str, groups)))
    parts, _ = split(given_records, Shares(validation=0.25, test=0.2), seed=5)
    for label in (0, 1):
        total = (labels == label).sum()
        shares = {name: (labels[parts[name]] == label).sum() / total for name in SPLITS}
        assert shares == pytest.approx({"train": 0.6, "validation": 0.2, "test": 0.2}, abs=0.02)


def test_another_seed_divides_other_groups():
    given_records = grouped(60, [k // 3 for k in range(60)])
    one, two = (split(given_records, Shares(), seed)[0] for seed in (1, 2))
    assert one["test"].tolist() != two["test"].tolist()


def test_images_of_a_group_the_source_tests_with_are_never_trained_on():
    tests = [k < 8 for k in range(40)]
    groups = [*range(8), 0, 1, *range(10, 40)]  # patients 0 and 1 are in both of the source's parts
    parts, left_out = split(grouped(40, groups, tests), Shares(), seed=1)
    assert left_out == LeftOut(of_test_groups=2)
    assert parts["test"].tolist() == list(range(8))
    assert not {8, 9} & {*parts["train"].tolist(), *parts["validation"].tolist()}


def test_too_few_groups_for_three_splits_say_so():
    with pytest.raises(DataError, match="bring more groups"):
        split(grouped(40, [k // 20 for k in range(40)]), Shares(), seed=1)


def test_the_largest_group_goes_to_the_split_that_wants_most():
    labels = np.zeros(10, np.int64)
    divided = grouping.assign(
        labels, ["big"] * 6 + ["x", "y", "z", "w"], {"small": 0.3, "large": 0.7}, np.random.default_rng(1)
    )
    assert set(range(6)) <= set(divided["large"].tolist())
    assert len(divided["small"]) == 3


# --- likeness ---------------------------------------------------------------------------------------


def picture(seed: int) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(rough, (96, 64), interpolation=cv2.INTER_CUBIC)


def recompressed(image: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)


def rescaled(image: np.ndarray) -> np.ndarray:
    return cv2.resize(cv2.resize(image, (60, 40), interpolation=cv2.INTER_AREA), (96, 64))


def brighter(image: np.ndarray) -> np.ndarray:
    return cv2.convertScaleAbs(image, alpha=1.0, beta=4)


def made_of(images: list[np.ndarray], tests: list[bool] | None = None) -> Records:
    labels = np.array([k % 2 for k in range(len(images))])
    flags = None if tests is None else np.array(tests)
    names = [f"{k}.png" for k in range(len(images))]
    return Records(np.stack(images), labels, names, flags, ("a", "b"), "made", True)


@pytest.mark.parametrize("change", [recompressed, rescaled, brighter])
def test_one_of_two_like_images_is_kept(change):
    originals = [picture(seed) for seed in range(40)]
    both = made_of([*originals, *map(change, originals)])
    _, left_out = split(both, Shares(), 1, near=True)
    assert left_out == LeftOut(duplicates=0, near_duplicates=40)
    _, left_out = split(both, Shares(), 1)
    assert left_out == LeftOut(duplicates=0, near_duplicates=None)


def test_of_two_like_images_the_sources_test_image_is_kept():
    originals = [picture(seed) for seed in range(40)]
    both = made_of([*map(recompressed, originals[:10]), *originals], [False] * 10 + [k % 4 == 0 for k in range(40)])
    kept = duplicates.first_of_each_kind(both, np.arange(50))
    assert set(range(10, 50)) >= {at for at in kept.tolist() if both.is_test[at]} >= {10, 14, 18}
    assert {0, 4, 8}.isdisjoint(kept.tolist())


def test_flat_images_of_different_grey_are_different():
    """Without contrast every hash is the same; the thumbnails tell them apart."""
    flat = [np.full((64, 96, 3), 20 * value, np.uint8) for value in range(12)]
    assert len(duplicates.first_of_each_kind(made_of(flat), np.arange(12))) == 12


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=12), st.lists(st.integers(0, 63), max_size=3), st.data()
)
def test_every_hash_within_the_distance_is_found(hashes, flipped, draw):
    at = draw.draw(st.integers(0, len(hashes) - 1))
    other = hashes[at]
    for bit in flipped:
        other ^= 1 << bit
    given_hashes = np.array([*hashes, other], np.uint64)
    repeated = duplicates.repeats(given_hashes, np.zeros((len(given_hashes), 256), np.uint8))
    assert repeated[-1] or repeated[at]
    kept = given_hashes[~repeated]
    for place, one in enumerate(kept):
        assert all(bin(int(one) ^ int(two)).count("1") > duplicates.DISTANCE for two in kept[place + 1 :])


# --- what cannot be records -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"names": ["x.png"]}, "names = 1"),
        ({"groups": ("x",)}, "groups = 1"),
        ({"is_test": np.zeros(3, bool)}, "is_test = 3"),
        ({"images": np.zeros((4, 8, 8, 4), np.uint8)}, "1 or 3 channels"),
        ({"images": np.zeros((4, 8, 8), np.uint8)}, "1 or 3 channels"),
        ({"boxes": ((),)}, "boxes = 1"),
        ({"boxes": ((), (), (), (Box(0, 1, 1, 9, 8),))}, "inside the image of 8x8"),
        ({"boxes": ((), (), (), (Box(0, -1, 1, 3, 3),))}, "inside the image of 8x8"),
        ({"boxes": ((), (), (), (Box(0, 3, 3, 3, 5),))}, "inside the image of 8x8"),
        ({"boxes": ((), (), (), (Box(2, 1, 1, 3, 3),))}, "no class 0 to 1"),
        ({"boxes": ((), (), (), (Box(0, float("nan"), 1, 3, 3),))}, "inside the image of 8x8"),
    ],
)
def test_records_whose_parts_do_not_fit_are_refused(change, says):
    with pytest.raises(DataError, match=says):
        dataclasses.replace(records([0, 1, 0, 1], [1, 2, 3, 4]), **change)
