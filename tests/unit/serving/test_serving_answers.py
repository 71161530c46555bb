"""What the server answers to whom, over real HTTP."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from tests.unit.serving.serving_server import CLASSES, picture, write_model


def batch(*bodies: bytes) -> bytes:
    return json.dumps({"instances": [{"b64": base64.b64encode(body).decode()} for body in bodies]}).encode()


def test_ping_says_yes_once_the_model_is_warm(server):
    assert server.request("GET", "/ping")[0] == 200
    ready = next(event for event in server.events if event["event"] == "ready")
    assert (ready["model"], ready["version"]) == ("colours", "3")


@pytest.mark.parametrize("colour", CLASSES)
@pytest.mark.parametrize(
    ("suffix", "width", "height"), [(".png", 16, 16), (".jpg", 16, 16), (".jpg", 640, 333), (".png", 7, 90)]
)
def test_an_image_of_any_size_is_classified(server, colour, suffix, width, height):
    kind = "image/png" if suffix == ".png" else "image/jpeg"
    status, answer, _ = server.invoke(picture(colour, suffix, width, height), kind)
    assert status == 200
    assert answer["model"] == {"name": "colours", "version": "3"}
    assert [set(item) for item in answer["predictions"]] == [{"label", "index", "probability"}] * 3
    assert answer["predictions"][0]["label"] == colour
    assert answer["predictions"][0]["index"] == CLASSES.index(colour)
    probabilities = [item["probability"] for item in answer["predictions"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)


def test_the_numbers_are_those_of_the_formula(server):
    """220 of 255 on red, 0 elsewhere, mean 0.5, std 0.25."""
    scores = (np.array([220 / 255, 0, 0]) - 0.5) / 0.25
    wanted = np.exp(scores) / np.exp(scores).sum()
    _, answer, _ = server.invoke(picture("red"))
    got = {item["label"]: item["probability"] for item in answer["predictions"]}
    assert [got[name] for name in CLASSES] == pytest.approx(wanted.tolist(), abs=1e-6)


@pytest.mark.parametrize("grey", [True, False])
def test_grey_and_transparent_images_are_images_too(server, grey):
    pixels = np.full((20, 20) if grey else (20, 20, 4), 128, np.uint8)
    status, answer, _ = server.invoke(cv2.imencode(".png", pixels)[1].tobytes())
    assert status == 200
    assert answer["predictions"][0]["probability"] == pytest.approx(1 / 3, abs=1e-6)


def test_a_batch_is_answered_in_its_order(server):
    colours = ["blue", "red", "red", "green"] * 5
    status, answer, _ = server.invoke(batch(*map(picture, colours)), "application/json; charset=utf-8")
    assert status == 200
    assert [ranked[0]["label"] for ranked in answer["predictions"]] == colours


def test_many_clients_at_once_each_get_their_own_answer(server):
    colours = [CLASSES[k % 3] for k in range(60)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda colour: server.invoke(picture(colour)), colours))
    assert [answer["predictions"][0]["label"] for _, answer, _ in answers] == colours


def png_that_claims(width: int, height: int) -> bytes:
    body = bytearray(picture("red"))
    body[16:24] = struct.pack(">II", width, height)
    body[29:33] = struct.pack(">I", zlib.crc32(body[12:29]))
    return bytes(body)


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"", "image/png", 400, "empty"),
        (b"GIF89a" + bytes(40), "image/png", 400, "neither PNG nor JPEG"),
        (picture("red")[:-20], "image/png", 400, "breaks off"),
        (picture("red", ".jpg", 64, 64)[:-40], "image/jpeg", 400, "breaks off"),
        (picture("red")[:33] + bytes(40), "image/png", 400, "damaged"),
        (picture("red")[:50] + b"!" + picture("red")[51:], "image/png", 400, "damaged"),
        (png_that_claims(0, 16), "image/png", 400, "1 to 1000000 pixels"),
        (png_that_claims(60_000, 60_000), "image/png", 413, "1 to 1000000 pixels"),
        (picture("red", ".jpg", 1200, 900), "image/jpeg", 413, "1 to 1000000 pixels"),
        (picture("red") + bytes(100_000), "image/png", 413, "100000 bytes"),
        (picture("red"), "text/plain", 415, "application/json"),
        (picture("red"), "", 415, "image/png"),
        (b"{", "application/json", 400, "instances"),
        (b"\xff\xfe\x00", "application/json", 400, "instances"),
        (b"[" * 100_000, "application/json", 400, "instances"),
        (b"[]", "application/json", 400, "must be a list"),
        (b'{"instances": []}', "application/json", 400, "not empty"),
        (b'{"instances": [{"b64": 5}]}', "application/json", 400, "base64"),
        (b'{"instances": [{"b64": "a*b="}]}', "application/json", 400, "base64"),
        (b'{"instances": [{"b64": "aGVsbG8="}]}', "application/json", 400, "neither PNG nor JPEG"),
        (json.dumps({"instances": [{"b64": ""}] * 65}).encode(), "application/json", 413, "64 images"),
    ],
)
def test_bad_input_is_refused_with_a_remedy_and_the_server_goes_on(server, body, kind, status, says):
    got, answer, _ = server.invoke(body, kind)
    assert got == status
    assert set(answer) == {"error", "field", "value", "remedy"}
    assert says in f"{answer['value']} {answer['remedy']}"
    assert server.invoke(picture("green"))[1]["predictions"][0]["label"] == "green"


def test_the_bad_one_of_a_batch_is_named(server):
    status, answer, _ = server.invoke(batch(picture("red"), picture("red")[:60]), "application/json")
    assert status == 400
    assert answer["field"] == "instances[1].body"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/json", 200),
        ("APPLICATION/JSON;charset=utf-8", 200),
        ("text/html, application/*; q=0.5", 200),
        ("", 200),
        ("text/csv", 406),
        ("application/json;q=0", 406),
        ("text/html, */*; q=0.000", 406),
        ("application/jsonlines", 406),
    ],
)
def test_what_is_asked_for_and_cannot_be_given_is_refused(server, accept, status):
    got, answer, _ = server.invoke(picture("red"), Accept=accept)
    assert got == status
    if status == 406:
        assert (answer["error"], answer["field"], answer["value"]) == ("NotAcceptable", "accept", accept)


def test_a_model_that_answers_no_numbers_is_a_failure_of_that_image_alone(start, tmp_path):
    server = start(model=write_model(tmp_path / "root", root=True)).ready()
    dark = cv2.imencode(".png", np.full((16, 16, 3), 60, np.uint8))[1].tobytes()
    assert server.invoke(dark)[0] == 200

    status, answer, _ = server.invoke(picture("red"))
    assert status == 500
    assert (answer["error"], answer["field"], answer["value"]) == ("InternalServerError", "model", "not finite")

    status, answer, _ = server.invoke(batch(dark, picture("red"), dark), "application/json")
    assert (status, answer["field"]) == (500, "instances[1].model")
    assert server.invoke(dark)[0] == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("GET", "/invocations", 405)])
def test_other_addresses_are_refused(server, method, path, status):
    assert server.request(method, path)[0] == status


def test_logs_hold_no_payload(server):
    text = base64.b64encode(b"secret picture").decode()
    server.invoke(json.dumps({"instances": [{"b64": text}]}).encode(), "application/json")
    server.invoke(b"secret words", "image/png")
    server.invoke(b'{"secret": nonsense}', "application/json")
    refused = server.event("refused")
    assert {"time", "event", "status", "field", "value", "ms"} == set(refused)
    log = json.dumps(server.events)
    for trace in (text, "secret", b"secret".hex(), "nonsense"):
        assert trace not in log


def test_metrics_count_answers_images_and_time(server):
    before = server.metrics()
    for _ in range(3):
        server.invoke(picture("red"))
    server.invoke(batch(picture("red"), picture("blue")), "application/json")
    server.invoke(b"rubbish")
    server.request("GET", "/ping")
    after = server.metrics()
    change = {name: after[name] - before[name] for name in after}
    assert change['slipway_requests_total{code="200"}'] == 4
    assert change['slipway_requests_total{code="400"}'] == 1
    assert change["slipway_request_seconds_count"] == 5
    assert change["slipway_decode_seconds_count"] == 6
    assert change["slipway_batch_images_sum"] == 5
    assert change["slipway_model_seconds_count"] == change["slipway_batch_images_count"] <= 5
    assert 0 < change["slipway_model_seconds_sum"] < change["slipway_request_seconds_sum"]
    assert after["slipway_workers_ready"] == 1
    assert after["slipway_queue_images"] == after["slipway_held_bytes"] == 0
    for name in ("request", "decode", "model"):
        buckets = [value for key, value in after.items() if key.startswith(f"slipway_{name}_seconds_bucket")]
        assert buckets == sorted(buckets)
        assert buckets[-1] == after[f"slipway_{name}_seconds_count"]
