"""Payloads of every kind become rows, and answers predictions."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.aws.sagemaker.serving import capture as embedded
from training.monitoring import answers, capture, images, rows
from training.monitoring.answers import Shape
from training.monitoring.capture import Payload
from training.monitoring.errors import DamageError


def csv(text: str) -> Payload:
    return Payload(text, "CSV", "text/csv")


def json_(document: Any) -> Payload:
    return Payload(json.dumps(document), "JSON", "application/json")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"instances": [[1, 2], [3, 4]]}, [[1, 2], [3, 4]]),
        ({"instances": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}]),
        ({"instances": [{"features": [1, 2]}]}, [[1, 2]]),
        ({"features": [1, None]}, [[1, None]]),
        ({"predictions": [0.1, 0.9]}, [[0.1], [0.9]]),
        ({"a": 1, "b": {"c": "x", "d": {"e": True}}}, [{"a": 1, "b.c": "x", "b.d.e": True}]),
        ([1, 2], [[1, 2]]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ([{"a": 1}], [{"a": 1}]),
        (0.5, [[0.5]]),
        ({"a": [1, 2], "b": 1}, [{"a": "[1, 2]", "b": 1}]),
    ],
)
def test_json_rows(document: Any, expected: list[Any]) -> None:
    assert rows.read(json_(document)) == expected


def test_json_lines_and_csv_rows() -> None:
    assert rows.read(Payload('{"a": 1}\n{"a": 2}\n', "JSON", "application/jsonlines")) == [{"a": 1}, {"a": 2}]
    assert rows.read(csv('1,"a,b"\n2,c\n')) == [["1", "a,b"], ["2", "c"]]
    body = base64.b64encode(b"5,6\n").decode()
    assert rows.read(Payload(body, "BASE64", "text/csv; charset=utf-8")) == [["5", "6"]]


def test_the_quick_way_takes_only_plain_lines() -> None:
    assert rows.plain_line(csv("1,2\r\n")) == "1,2"
    assert [rows.plain_line(csv(text)) for text in ('1,"2"', "1\n2", "", "\n")] == [None] * 4
    assert rows.plain_line(json_([1])) is None


@pytest.mark.parametrize(
    "payload",
    [
        csv(""),
        csv('1,"2'),
        Payload("{", "JSON", "application/json"),
        Payload("{\n[", "JSON", "application/json"),
        Payload('{"a":' * 100_000 + "1" + "}" * 100_000, "JSON", "application/json"),
        Payload("AAAA", "BASE64", "application/octet-stream"),
        Payload("AAAA", "BASE64", "image/png"),
        Payload("", "BASE64", "image/png"),
    ],
)
def test_payloads_that_hold_no_rows(payload: Payload) -> None:
    with pytest.raises(DamageError):
        rows.read(payload)


@pytest.mark.parametrize("start", ['{"a":', '{"a":1,"b":', "["])
@pytest.mark.parametrize("depth", [10, 300, 500, 900, 960, 990, 2_000])
def test_nesting_of_any_depth_is_rows_or_damage(start: str, depth: int) -> None:
    payload = Payload(start * depth + "1" + ("]" if start == "[" else "}") * depth, "JSON", "application/json")
    for read in (rows.read, lambda given: answers.read(given, Shape())):
        with suppress(DamageError):
            assert read(payload)


def picture(pixels: np.ndarray) -> Payload:
    return Payload(base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes()).decode(), "BASE64", "image/png")


@given(st.integers(0, 2**32 - 1), st.integers(3, 12), st.integers(3, 12))
def test_pixel_statistics_are_those_of_counting_pixels(seed: int, height: int, width: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)

    (found,) = rows.read(picture(pixels))

    assert isinstance(found, dict)
    grey = [[(0.114 * b + 0.587 * g + 0.299 * r) / 255 for b, g, r in line] for line in pixels.tolist()]
    flat = [value for line in grey for value in line]
    mean = sum(flat) / len(flat)
    edges = [
        grey[y - 1][x] + grey[y + 1][x] + grey[y][x - 1] + grey[y][x + 1] - 4 * grey[y][x]
        for y in range(1, height - 1)
        for x in range(1, width - 1)
    ]
    middle = sum(edges) / len(edges)
    colours = [max(p) and (max(p) - min(p)) / max(p) for line in pixels.tolist() for p in line]
    assert tuple(found) == images.COLUMNS
    assert found["brightness"] == pytest.approx(mean)
    assert found["contrast"] == pytest.approx((sum((v - mean) ** 2 for v in flat) / len(flat)) ** 0.5)
    assert found["sharpness"] == pytest.approx(sum((v - middle) ** 2 for v in edges) / len(edges))
    assert found["saturation"] == pytest.approx(sum(colours) / len(colours))
    assert (found["width"], found["height"]) == (width, height)


def test_blur_lowers_sharpness_and_big_pictures_are_looked_at_smaller() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sharp, blurred = (
        images.statistics(cv2.imencode(".png", p)[1].tobytes()) for p in (pixels, cv2.blur(pixels, (5, 5)))
    )
    assert blurred["sharpness"] < sharp["sharpness"] / 10
    big = images.statistics(cv2.imencode(".png", np.full((10, 3000, 3), 128, np.uint8))[1].tobytes())
    assert (big["width"], big["height"], big["contrast"]) == (3000, 10, pytest.approx(0, abs=1e-9))
    assert big["brightness"] == pytest.approx(128 / 255)
    assert images.statistics(cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes())["sharpness"] == 0


def test_answers_of_this_projects_image_endpoint() -> None:
    ranked = [{"label": "b", "index": 1, "probability": 0.7}, {"label": "a", "index": 0, "probability": 0.3}]
    expected = {"predicted": "b", "probabilities": {"b": 0.7, "a": 0.3}}
    model = {"name": "m", "version": "1"}

    assert answers.read(json_({"predictions": ranked, "model": model}), Shape()) == [expected]
    assert answers.read(json_({"predictions": [ranked, ranked], "model": model}), Shape()) == [expected] * 2


@pytest.mark.parametrize("kept_as_json", [True, False])
def test_what_the_embedded_aws_captures_is_read(kept_as_json: bool) -> None:
    body = cv2.imencode(".png", np.full((8, 6, 3), 255, np.uint8))[1].tobytes()
    answer = json.dumps({"predictions": [{"label": "b", "index": 1, "probability": 1.0}], "model": {}}).encode()
    at = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
    config = {
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]} if kept_as_json else {},
    }
    exchange = embedded.Exchange("main", body, "image/png", answer, "application/json", "event", "mine", at)

    record = capture.parse(json.dumps(embedded.record(exchange, config)).encode())

    assert (record.event_id, record.key, record.time) == ("event", "mine", "2026-11-21T13:05:00Z")
    assert record.input is not None
    assert record.output is not None
    (found,) = rows.read(record.input)
    assert isinstance(found, dict)
    assert (found["width"], found["height"], found["brightness"]) == (6, 8, pytest.approx(1))
    assert answers.read(record.output, Shape()) == [{"predicted": "b", "probabilities": {"b": 1.0}}]


@pytest.mark.parametrize(
    ("payload", "shape", "expected"),
    [
        (csv("red"), Shape(), {"predicted": "red"}),
        (csv("1.5"), Shape("regression"), {"predicted": 1.5}),
        (json_({"predictions": [{"score": 2}]}), Shape("regression"), {"predicted": 2.0}),
        (json_({"y": 3, "z": 4}), Shape("regression", "y"), {"predicted": 3.0}),
        (
            csv("0.25"),
            Shape(probabilities={"0": "1"}, other="0"),
            {"predicted": "0", "probabilities": {"1": 0.25, "0": 0.75}},
        ),
        (
            json_({"p": {"a": 0.9, "b": 0.1}, "class": "b"}),
            Shape(prediction="class", probabilities={"p.a": "a", "p.b": "b"}),
            {"predicted": "b", "probabilities": {"a": 0.9, "b": 0.1}},
        ),
    ],
)
def test_answers_of_other_shapes(payload: Payload, shape: Shape, expected: dict[str, Any]) -> None:
    assert answers.read(payload, shape) == [expected]


@pytest.mark.parametrize(
    ("payload", "shape"),
    [
        (csv("red"), Shape("regression")),
        (csv("1.5"), Shape(probabilities={"0": "1"})),
        (csv("0.5"), Shape(prediction="3")),
        (json_({"a": 1, "b": 2}), Shape(prediction="c")),
        (json_({"a": None}), Shape(prediction="a")),
        (Payload("{", "JSON", "application/json"), Shape()),
        (json_([{"label": "a", "probability": "high"}]), Shape()),
        (json_([{"label": "a", "probability": [1]}]), Shape()),
        (json_([{"label": "a", "probability": 1.5}]), Shape()),
    ],
)
def test_answers_that_hold_no_prediction(payload: Payload, shape: Shape) -> None:
    with pytest.raises(DamageError):
        answers.read(payload, shape)
