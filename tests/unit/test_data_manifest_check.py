"""What is wrong in a manifest is named with its file, line, field, value and a remedy."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.manifests import check, lines
from training.errors import DataError

CLASSES = ("cat", "dog")
GOOD = lines.classified("data", "a.jpg", "2026-01-01T00:00:00.000", 0, "cat")
BOXES = {"image_size": [{"width": 30, "height": 20, "depth": 3}]}
BOX = {"class_id": 1, "left": 1, "top": 1, "width": 5, "height": 5}


def classified(**changes) -> str:
    return json.dumps(json.loads(lines.classified("data", "b.jpg", "now", 1, "dog")) | changes)


def boxed(box: dict, **metadata) -> str:
    row = json.loads(lines.boxed("data", "b.jpg", "now", BOXES | {"annotations": [BOX | box]}, ("cat", "dog", "x")))
    row["bounding-box-metadata"] |= metadata
    return json.dumps(row)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", r"m.manifest, line 2 = '\{': is not JSON"),
        ("", "line 2 = '': is not JSON"),
        ("[" * 100_000, "at most 100000|is not JSON"),
        ("3", "is no JSON object"),
        (classified(**{"source-ref": None}), "line 2, source-ref = None: must be the image's address"),
        (json.dumps({"class": 1, "class-metadata": {}}), "line 2, source-ref = None"),
        (classified(**{"source-ref": "b.jpg"}), "s3://bucket/key"),
        (classified(**{"source-ref": "s3://data/a.jpg"}), "stands in line 1 already"),
        (json.dumps({"source-ref": "s3://data/b.jpg"}), "has no label"),
        (json.dumps({"source-ref": "s3://data/b.jpg", "class-metadata": {}}), "line 2, class = None: is missing"),
        (classified(**{"class-metadata": "dog"}), "class-metadata = 'dog': must be an object"),
        (classified(**{"class": 2}), "class-name = '2 dog': is no class; the classes are 0 cat, 1 dog"),
        (classified(**{"class": 0}), "class-name = '0 dog': is no class"),
        (classified(**{"class": "dog"}), "label = 'dog': must be a class number"),
        (classified(**{"class": True}), "label = True"),
        (classified(**{"class": -1}), "label = -1"),
        (boxed({"left": 28}), r"annotations\[0\].*must lie inside its image"),
        (boxed({"class_id": 2}), "class number from 0 to 1"),
        (boxed({"width": 0}), "above 0"),
        (boxed({}, **{"class-map": {}}), "does not stand in the metadata's class-map"),
        (boxed({}, **{"class-map": {"1": "wolf"}}), "'1 wolf': is dog in the model"),
        (boxed({}, **{"class-map": 3}), "class-map"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, says):
    path = tmp_path / "m.manifest"
    path.write_text(GOOD + line + "\n")
    with pytest.raises(DataError, match=says) as caught:
        check.check(path, CLASSES)
    assert caught.value.field.startswith(f"{path}, line 2")


def test_an_empty_missing_or_foreign_file_is_named(tmp_path):
    path = tmp_path / "m.manifest"
    path.write_text("")
    with pytest.raises(DataError, match="is empty"):
        check.check(path)
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(DataError, match="is not UTF-8"):
        check.check(path)
    with pytest.raises(DataError, match="cannot be read"):
        check.check(tmp_path / "none")


def test_without_classes_any_number_is_right(tmp_path):
    path = tmp_path / "m.manifest"
    path.write_text(GOOD + classified(**{"class": 17}) + "\n")
    assert check.check(path) == check.Checked(2, {"cat": 1, "dog": 1}, 0)


@given(st.text(max_size=200))
def test_no_text_breaks_the_check(text):
    with pytest.raises(DataError, match=r"^m, line 2"):
        check.check_lines([GOOD, text], "m")
