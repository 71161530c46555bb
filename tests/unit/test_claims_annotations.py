"""Boxes from COCO's JSON and from Ground Truth's manifests, ready to be staged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from training.data import __main__ as data
from training.data import boxes
from training.workloads.claims import annotations

COCO: dict[str, Any] = {
    "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}],
    "images": [
        {"id": 7, "file_name": "a.jpg", "width": 40, "height": 30},
        {"id": 8, "file_name": "b.jpg", "width": 40, "height": 30},
    ],
    "annotations": [
        {"image_id": 7, "category_id": 3, "bbox": [1.5, 2, 10, 12], "iscrowd": 0},
        {"image_id": 7, "category_id": 3, "bbox": [30, 20, 20, 20], "iscrowd": 0},
        {"image_id": 7, "category_id": 1, "bbox": [5, 5, 5, 5], "iscrowd": 0},
        {"image_id": 7, "category_id": 3, "bbox": [0, 0, 40, 30], "iscrowd": 1},
    ],
}


def truth(**changes: object) -> dict[str, Any]:
    """A line of an output manifest."""
    body = {
        "image_size": [{"width": 40, "height": 30, "depth": 3}],
        "annotations": [
            {"class_id": 1, "left": 1, "top": 2, "width": 10, "height": 12},
            {"class_id": 0, "left": 5, "top": 5, "width": 5, "height": 5},
        ],
    }
    return {
        "source-ref": "s3://photos/claims/a.jpg",
        "cars": body,
        "cars-metadata": {"class-map": {"0": "person", "1": "car"}, "type": "groundtruth/object-detection"},
    } | changes


def convert(tmp_path: Path, option: str, content: str, *more: str) -> tuple[int, Path]:
    source, out = tmp_path / "given", tmp_path / "annotations.jsonl"
    source.write_text(content)
    return annotations.main([option, str(source), "--out", str(out), *more]), out


def test_coco_s_objects_become_boxes_and_images_without_any_stay(tmp_path):
    code, out = convert(tmp_path, "--coco", json.dumps(COCO))
    assert code == 0
    found = boxes.read(out, 1)
    assert found == {"a.jpg": ((0, 1.5, 2, 11.5, 14), (0, 30, 20, 40, 30)), "b.jpg": ()}


def test_ground_truth_s_classes_are_those_of_its_map(tmp_path):
    code, out = convert(tmp_path, "--ground-truth", json.dumps(truth()) + "\n", "--label", "cars")
    assert code == 0
    assert boxes.read(out, 1) == {"a.jpg": ((0, 1, 2, 11, 14),)}


@pytest.mark.parametrize(
    ("option", "content", "says"),
    [
        ("--coco", "{", "is not JSON"),
        ("--coco", "[]", "must be a JSON object"),
        ("--coco", "{}", "is no COCO file"),
        ("--coco", json.dumps(COCO | {"categories": [{"id": 1, "name": "person"}]}), "none of the file's categories"),
        ("--coco", json.dumps(COCO | {"images": []}), "does not list"),
        ("--ground-truth", "{\n", "line 1"),
        ("--ground-truth", json.dumps(truth()), "label attribute bounding-box"),
        ("--ground-truth", json.dumps({"source-ref": "s3://a/b.jpg", "class": 1}), "no bounding-box output"),
    ],
)
def test_files_of_another_kind_are_explained(tmp_path, capsys, option, content, says):
    code, out = convert(tmp_path, option, content)
    assert code == 2
    assert says in capsys.readouterr().err
    assert not out.exists()


def test_a_missing_file_is_explained(tmp_path, capsys):
    assert annotations.main(["--coco", str(tmp_path / "none.json"), "--out", str(tmp_path / "out")]) == 2
    assert "none.json" in capsys.readouterr().err


def test_converted_boxes_are_staged_with_a_user_s_own_photos(tmp_path, capsys):
    """From COCO's JSON beside photos to the detector's channels, scaled to its input."""
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(1)
    images = [{"id": k, "file_name": f"{k}.png", "width": 64, "height": 48} for k in range(12)]
    for image in images:
        cv2.imwrite(str(photos / image["file_name"]), rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    objects = [{"image_id": k, "category_id": 3, "bbox": [8, 6, 16, 12]} for k in range(9)]
    (tmp_path / "coco.json").write_text(json.dumps(COCO | {"images": images, "annotations": objects}))
    out = photos / "annotations.jsonl"
    assert annotations.main(["--coco", str(tmp_path / "coco.json"), "--out", str(out)]) == 0
    arguments = ["stage", "--workload", "claims-detector", "--source", "folder", "--archive", str(photos)]
    assert data.main([*arguments, "--out", str(tmp_path / "staged")]) == 0
    capsys.readouterr()
    found = [box for part in ("train", "validation", "test") for box in staged(tmp_path / "staged" / part)]
    assert len(found) == 9
    assert set(found) == {(0, 16, 12, 48, 36)}
    assert json.loads((tmp_path / "staged" / "dataset.json").read_text())["synthetic"] is False


def staged(channel: Path) -> list[boxes.Box]:
    return [box for found in boxes.read(channel / boxes.FILE, 1).values() for box in found]
