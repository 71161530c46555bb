"""Detection datasets: a folder of images with `annotations.jsonl`, and what is refused in such a file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from training.data import boxes, layout
from training.data.records import Box, Records
from training.data.splits import SPLITS, Shares, split
from training.errors import DataError

CLASSES = ("car", "lorry")


def made(channels: int = 3, count: int = 30) -> Records:
    """Images in groups of two; every third shows nothing, the others a car and sometimes a lorry."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, 20, 30, channels), np.uint8)
    car, lorry = Box(0, 1, 2, 11.5, 12.25), Box(1, 0, 0, 30, 20)
    shown = tuple(() if k % 3 == 0 else (car, lorry) if k % 3 == 1 else (car,) for k in range(count))
    labels = np.array([min(len(one), 1) for one in shown])
    names = [f"scene {k}.jpg" for k in range(count)]
    groups = tuple(f"photo-{k // 2}" for k in range(count))
    return Records(images, labels, names, None, CLASSES, "made", True, groups=groups, boxes=shown)


def write(folder: Path, records: Records) -> dict:
    parts, left_out = split(records, Shares(), 1)
    said = layout.describe(records, parts, workload="w", seed=1, left_out=left_out)
    layout.write(folder, records, parts, said)
    return json.loads((folder / "dataset.json").read_text())


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_laid_out_is_read_back(tmp_path, channels):
    records = made(channels)
    said = write(tmp_path / "ds", records)
    parts, _ = split(records, Shares(), 1)
    assert said["task"] == "detection"
    assert said["image"] == {"height": 20, "width": 30, "channels": channels}
    assert not list((tmp_path / "ds").glob("*.lst"))
    for part in SPLITS:
        found = boxes.read(tmp_path / "ds" / part / boxes.FILE, classes=2)
        assert list(found.values()) == [records.boxes[at] for at in parts[part]]
        for name, at in zip(found, parts[part], strict=True):
            image = cv2.imread(str(tmp_path / "ds" / part / name), cv2.IMREAD_UNCHANGED)
            wanted = records.images[at]
            assert np.array_equal(image, wanted[:, :, 0] if channels == 1 else wanted[:, :, ::-1])
        assert said["boxes"][part]["lorry"] == sum(len(one) == 2 for one in found.values())
        assert said["counts"][part]["car"] == sum(len(one) > 0 for one in found.values())
        assert said["counts"][part]["nothing"] == sum(not one for one in found.values())
        assert said["groups"][part] == len({records.groups[at] for at in parts[part]})
    sums = layout.read_checksums(tmp_path / "ds")
    for path, digest in sums.items():
        assert hashlib.sha256((tmp_path / "ds" / path).read_bytes()).hexdigest() == digest
    assert f"train/{boxes.FILE}" in sums


def test_a_line_is_ground_truths_bounding_boxes():
    text = boxes.line("a.png", 30, 20, 3, [Box(1, 2, 3, 7.5, 9)])
    assert json.loads(text) == {
        "file": "a.png",
        "image_size": [{"width": 30, "height": 20, "depth": 3}],
        "annotations": [{"class_id": 1, "left": 2, "top": 3, "width": 5.5, "height": 6}],
    }


@given(st.data(), st.integers(1, 4000), st.integers(1, 4000))
def test_whatever_box_is_written_is_read(tmp_path_factory, draw, width, height):
    ends = [draw.draw(st.floats(0, most)) for most in (width, width, height, height)]
    left, right, top, bottom = *sorted(ends[:2]), *sorted(ends[2:])
    ends = [draw.draw(st.sampled_from([end, most])) for end, most in ((right, width), (bottom, height))]
    assume(ends[0] - left >= 1 and ends[1] - top >= 1)
    box = Box(0, left, top, *ends)
    path = tmp_path_factory.getbasetemp() / "written.jsonl"
    path.write_text(boxes.line("a.png", width, height, 3, [box]) + "\n")
    assert boxes.read(path, 1)["a.png"][0] == pytest.approx(box, abs=0.011)
    assert all(one <= most for one, most in zip(boxes.read(path, 1)["a.png"][0][3:], (width, height), strict=True))


def test_a_split_without_a_class_is_refused():
    records = made(count=6)
    with pytest.raises(DataError, match="leaves no"):
        split(records, Shares(), 1)


BOX = {"class_id": 0, "left": 1, "top": 1, "width": 5, "height": 5}


def bad(**changes) -> str:
    size = changes.pop("image_size", [{"width": 30, "height": 20, "depth": 3}])
    return json.dumps({"file": changes.pop("file", "b.png"), "image_size": size, "annotations": [BOX | changes]})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", r"line 2 = '\{': is not JSON"),
        ("[]", "line 2, file"),
        ("", "is not JSON"),
        (bad(file=""), "must name the image's file"),
        (bad(file=3), "must name the image's file"),
        (bad(file="a.png"), "twice"),
        (bad(image_size=[]), "line 2, image_size"),
        (bad(image_size=[{"width": "30", "height": 20}]), "line 2, image_size"),
        (bad(left=26), r"line 2, annotations\[0\].*clip or remove"),
        (bad(top=-1), "inside its image"),
        (bad(width=0), "above 0"),
        (bad(height=-2), "above 0"),
        (bad(left="1"), "must have the numbers"),
        (bad(left=True), "must have the numbers"),
        (bad(left=float("nan")), "inside its image"),
        (bad(class_id=2), r"annotations\[0\].class_id = 2: must be a class number from 0 to 1"),
        (bad(class_id=0.5), "class number"),
        (bad(class_id=None), "class number"),
    ],
)
def test_a_wrong_line_is_named_with_file_line_field_and_value(tmp_path, line, says):
    path = tmp_path / boxes.FILE
    path.write_text(boxes.line("a.png", 30, 20, 3, []) + "\n" + line + "\n")
    with pytest.raises(DataError, match=says) as caught:
        boxes.read(path, classes=2)
    assert str(path) in caught.value.field
