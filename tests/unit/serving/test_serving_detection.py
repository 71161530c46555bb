"""A detector's answers: places, sizes, what is merged and what is left out."""

from __future__ import annotations

import base64
import io
import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.unit.serving.detector import CHANGES, write_detector
from tests.unit.serving.serving_server import picture, write_model
from training.serving import model as models
from training.serving.errors import ModelError, RequestError
from training.serving.metrics import Board
from training.serving.settings import Settings
from training.serving.suppression import overlaps, suppress


@pytest.fixture
def finder(tmp_path):
    return models.load(Settings(model=write_detector(tmp_path / "finder")))


def ask(model, *bodies):
    answers = models.answer(model, bodies, Board(1).rows[0])
    return [answer if isinstance(answer, RequestError) else json.loads(answer) for answer in answers]


def boxes_of(answer):
    return [item["box"] for item in answer]


@pytest.mark.parametrize(("width", "height"), [(16, 16), (100, 40), (7, 90), (640, 333)])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_boxes_are_in_pixels_of_the_image_that_was_sent(finder, width, height, suffix):
    (answer,) = ask(finder, picture("red", suffix, width, height))
    first, second = [0, 0, width / 2, height / 2], [width / 2, height / 4, width, 3 * height / 4]
    assert boxes_of(answer) == [pytest.approx(first, abs=0.01), pytest.approx(second, abs=0.01)]
    assert {(item["label"], item["index"]) for item in answer} == {("red", 0)}
    assert answer[0]["score"] == pytest.approx(220 / 255, abs=0.01)


def test_images_of_a_batch_keep_their_own_sizes_and_errors(finder):
    small, bad, large = ask(finder, picture("red", width=10, height=20), b"rubbish", picture("blue", width=50))
    assert boxes_of(small)[0] == [0, 0, 5, 10]
    assert (bad.status, bad.field) == (400, "body")
    assert boxes_of(large)[0] == [0, 0, 25, 8]
    assert large[0]["label"] == "blue"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("width", "height"), [(160, 80), (1024, 1017), (1017, 1024)])
def test_boxes_lie_in_the_upright_image(tmp_path, orientation, width, height):
    """A phone stores a photograph as its sensor lies, and says in EXIF how to turn it."""
    stored = Image.new("RGB", (width, height), (220, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    stored.save(file, "JPEG", exif=exif)
    seen = (height, width) if orientation >= 5 else (width, height)
    model = models.load(Settings(model=write_detector(tmp_path), max_image_pixels=2_000_000))
    (answer,) = ask(model, file.getvalue())
    assert boxes_of(answer)[1][2] == pytest.approx(seen[0])
    assert boxes_of(answer)[0][3] == pytest.approx(seen[1] / 2, abs=0.01)


def test_an_image_without_anything_gets_an_empty_list(finder):
    (answer,) = ask(finder, cv2.imencode(".png", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    assert answer == []


def test_classes_are_merged_apart_and_the_surest_come_first(finder):
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:] = (100, 150, 200)  # blue, green, red
    (answer,) = ask(finder, cv2.imencode(".png", pixels)[1].tobytes())
    assert [item["label"] for item in answer] == ["red", "red", "green"], "at most three, and each class its own two"
    assert [item["score"] for item in answer] == sorted((item["score"] for item in answer), reverse=True)


def test_what_is_below_the_floor_is_left_out(finder):
    pixels = np.full((16, 16, 3), 60, np.uint8)
    pixels[:, :, 2] = 70
    (answer,) = ask(finder, cv2.imencode(".png", pixels)[1].tobytes())
    assert {item["label"] for item in answer} == {"red"}, "70 of 255 is above 0.25, 60 is not"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_output_that_is_no_number_is_a_failure(tmp_path, bad):
    model = models.load(Settings(model=write_detector(tmp_path, [[0, 0, bad, 1]])))
    (answer,) = ask(model, picture("red"))
    assert (answer.status, answer.value) == (500, "not finite")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task": "segmentation"}, "must be one of classification, detection"),
        ({"score_floor": 1.5}, "score_floor and nms_iou"),
        ({"nms_iou": -1}, "score_floor and nms_iou"),
        ({"max_boxes": 0}, "max_boxes"),
        ({"score_floor": None}, "score_floor|float"),
        ({"classes": ["red"]}, "1 classes"),
    ],
)
def test_a_description_that_does_not_fit_is_explained(tmp_path, changes, says):
    with pytest.raises(ModelError, match=says):
        models.load(Settings(model=write_detector(tmp_path, **changes)))


def test_a_classifier_cannot_be_served_as_a_detector(tmp_path):
    with pytest.raises(ModelError, match="needs the output 'boxes'"):
        models.load(Settings(model=write_model(tmp_path, **CHANGES)))


def test_a_detector_answers_over_http(start, tmp_path):
    server = start(model=write_detector(tmp_path / "finder")).ready()
    status, answer, _ = server.invoke(picture("green", width=32))
    assert status == 200
    assert set(answer) == {"predictions", "model"}
    assert [set(item) for item in answer["predictions"]] == [{"label", "index", "score", "box"}] * 2
    assert answer["predictions"][0]["box"] == [0, 0, 16, 8]
    many = {"instances": [{"b64": base64.b64encode(picture(name)).decode()} for name in ("red", "blue")]}
    _, answer, _ = server.invoke(json.dumps(many).encode(), "application/json")
    assert [image[0]["label"] for image in answer["predictions"]] == ["red", "blue"]


def naive(boxes, classes, limit):
    """The greedy walk as it is told: take the best, drop what it covers, go on."""
    left, kept = list(range(len(boxes))), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [k for k in left if classes[k] != classes[best] or iou(boxes[best], boxes[k]) <= limit]
    return kept


def iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


corners = st.tuples(*[st.integers(0, 9)] * 2, *[st.integers(1, 6)] * 2, st.integers(0, 1))


@given(st.lists(corners, max_size=40), st.sampled_from([0.0, 0.3, 0.5, 0.9]))
def test_suppression_is_the_greedy_walk(drawn, limit):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in drawn], np.float32).reshape(-1, 4)
    classes = np.array([kind for *_, kind in drawn], np.int64)
    assert suppress(boxes, classes, limit).tolist() == naive(boxes.tolist(), classes.tolist(), limit)


def test_a_chain_of_boxes_that_cover_their_neighbours_loses_every_second_one():
    boxes = np.array([(k, 0, k + 3, 1) for k in range(9)], np.float32)
    assert suppress(boxes, np.zeros(9, np.int64), 0.45).tolist() == [0, 2, 4, 6, 8]


def test_overlaps_are_those_of_the_definition():
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6]], np.float32)
    assert overlaps(boxes, boxes[:2]) == pytest.approx(np.array([[1, 1 / 7], [1 / 7, 1], [0, 0]]))
