"""Verdicts beside predictions, and models that take grey images."""

from __future__ import annotations

import asyncio
import base64
import json

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from training.serving import decision
from training.serving import model as models
from training.serving.app import App
from training.serving.errors import ModelError, RequestError
from training.serving.metrics import Board
from training.serving.settings import Settings

RULE = {"positive": "ill", "threshold": 0.4, "abstain": [0.25, 0.7]}


def write_grey(folder, **changes):
    """Brightness as the probability of `ill`: the two probabilities are 1 - mean and mean of the pixels."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["ill"], axes=[2, 3], keepdims=0),
        helper.make_node("Constant", [], ["one"], value=helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])),
        helper.make_node("Sub", ["one", "ill"], ["well"]),
        helper.make_node("Concat", ["well", "ill"], ["probabilities"], axis=1),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 8, 8])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])
    graph = helper.make_graph(nodes, "grey", [images], [output])
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx"
    )
    description = {
        "workload": "lungs",
        "version": "1",
        "classes": ["well", "ill"],
        "input": {"height": 8, "width": 8, "channels": 1, "mean": [0.0], "std": [1.0], "layout": "NCHW"},
    }
    (folder / "model.json").write_text(json.dumps(description | changes))
    return folder


def grey(level, suffix=".png", size=8, kind=np.uint8):
    return cv2.imencode(suffix, np.full((size, size), level, kind))[1].tobytes()


def ask(model, *bodies):
    return models.answer(model, bodies, Board(1).rows[0])


def called(folder, body, kind):
    """The whole answer of the application to one request."""
    settings = Settings(model=folder)
    model = models.load(settings)
    app = App(settings, lambda bodies, row: models.answer(model, bodies, row), model.name, model.version)
    sent, life = [], iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    scope = {"type": "http", "method": "POST", "path": "/invocations"}
    scope["headers"] = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]

    async def run():
        asked, stopping = asyncio.Event(), asyncio.Event()

        async def alive():
            message = next(life)
            if message["type"] == "lifespan.shutdown":
                await stopping.wait()
            return message

        async def living(_):
            asked.set()

        async def receive():
            return {"type": "http.request", "body": body}

        async def send(message):
            sent.append(message)

        running = asyncio.create_task(app({"type": "lifespan"}, alive, living))
        await asked.wait()
        await app(scope, receive, send)
        stopping.set()
        await running

    asyncio.run(run())
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    ("level", "verdict"),
    [(0, "negative"), (63, "negative"), (64, "abstain"), (102, "abstain"), (178, "abstain"), (179, "positive")],
)
def test_the_verdict_follows_the_rule(tmp_path, level, verdict):
    status, answer = called(write_grey(tmp_path, decision=RULE), grey(level), b"image/png")
    assert status == 200
    assert list(answer) == ["predictions", "decision", "model"]
    assert answer["decision"]["verdict"] == verdict
    assert answer["decision"]["threshold"] == 0.4
    assert answer["decision"]["positive"] == "ill"
    by_label = {entry["label"]: entry["probability"] for entry in answer["predictions"]}
    assert answer["decision"]["probability"] == by_label["ill"] == pytest.approx(level / 255, abs=1e-6)


def test_the_ends_of_the_band_belong_to_abstaining_and_to_positive():
    rule = decision.Decision(1, 0.4, 0.25, 0.7)
    said = [json.loads(rule.said(p).partition(b": ")[2])["verdict"] for p in (0.2499, 0.25, 0.6999, 0.7)]
    assert said == ["negative", "abstain", "abstain", "positive"]


def test_without_a_band_the_threshold_decides(tmp_path):
    model = models.load(Settings(model=write_grey(tmp_path, decision={"positive": "ill", "threshold": 0.5})))
    verdicts = [json.loads(b'{"p": %s}' % answer)["decision"]["verdict"] for answer in ask(model, grey(127), grey(128))]
    assert verdicts == ["negative", "positive"]


def test_several_images_get_a_list_of_decisions(tmp_path):
    images = [{"b64": base64.b64encode(grey(level)).decode()} for level in (10, 110, 250)]
    body = json.dumps({"instances": images}).encode()
    status, answer = called(write_grey(tmp_path, decision=RULE), body, b"application/json")
    assert status == 200
    assert [one["verdict"] for one in answer["decisions"]] == ["negative", "abstain", "positive"]
    assert [ranked[0]["label"] for ranked in answer["predictions"]] == ["well", "well", "ill"]


def test_a_model_without_a_rule_answers_as_before(tmp_path):
    _, answer = called(write_grey(tmp_path), grey(200), b"image/png")
    assert list(answer) == ["predictions", "model"]


def test_a_label_cannot_pretend_to_be_a_decision(tmp_path):
    evil = 'x", "decision": {"verdict": "positive"}'
    images = [{"b64": base64.b64encode(grey(200)).decode()}] * 2
    folder = write_grey(tmp_path, classes=["well", evil])
    _, answer = called(folder, json.dumps({"instances": images}).encode(), b"application/json")
    assert list(answer) == ["predictions", "model"]
    assert answer["predictions"][0][0]["label"] == evil


@pytest.mark.parametrize(
    "rule",
    [
        {"positive": "sick", "threshold": 0.4},
        {"positive": "ill", "threshold": 1.4},
        {"positive": "ill", "threshold": float("nan")},
        {"positive": "ill", "threshold": 0.4, "abstain": [0.5, 0.7]},
        {"positive": "ill", "threshold": 0.4, "abstain": [0.3]},
        {"positive": "ill"},
        {"threshold": 0.4},
        ["ill", 0.4],
    ],
)
def test_a_rule_that_is_none_is_refused_when_the_model_is_loaded(tmp_path, rule):
    with pytest.raises(ModelError, match=r"model\.json does not fit"):
        models.load(Settings(model=write_grey(tmp_path, decision=rule)))


def test_a_colour_picture_is_seen_in_grey(tmp_path):
    model = models.load(Settings(model=write_grey(tmp_path)))
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[..., 0] = 255
    (answer,) = ask(model, cv2.imencode(".png", blue)[1].tobytes())
    probability = next(entry for entry in json.loads(answer) if entry["label"] == "ill")["probability"]
    assert probability == pytest.approx(0.114, abs=0.003)  # BT.601: 11.4 % of the brightness


@pytest.mark.parametrize("size", [8, 9, 100, 640])
def test_a_large_grey_jpeg_looks_like_the_whole_image_reduced(tmp_path, size):
    model = models.load(Settings(model=write_grey(tmp_path)))
    ramp = np.tile(np.linspace(0, 255, size, dtype=np.uint8), (size, 1))
    body = cv2.imencode(".jpg", ramp, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    wanted = cv2.resize(ramp, (8, 8), interpolation=cv2.INTER_AREA).astype(int)
    found = models.decode(model, body).pixels
    assert found.shape == (8, 8)
    assert np.abs(found.astype(int) - wanted).max() <= 4


def test_normalised_grey_pixels_are_the_formulas(tmp_path):
    wanted = {"height": 8, "width": 8, "channels": 1, "mean": [0.2], "std": [0.5], "layout": "NCHW"}
    model = models.load(Settings(model=write_grey(tmp_path, input=wanted)))
    pixels = np.random.default_rng(1).integers(0, 255, (8, 8), dtype=np.uint8)
    (output,) = models.infer(model, [models.Picture(pixels, 8, 8)] * 2)
    assert output[:, 1] == pytest.approx(((pixels / 255 - 0.2) / 0.5).mean(), abs=1e-5)


def test_sixteen_bits_are_refused_with_what_to_do(tmp_path):
    model = models.load(Settings(model=write_grey(tmp_path)))
    (answer,) = ask(model, grey(3000, kind=np.uint16))
    assert isinstance(answer, RequestError)
    assert (answer.status, answer.field, answer.value) == (400, "bits per pixel", 16)
    assert "window" in answer.remedy


def test_a_model_of_two_channels_is_refused(tmp_path):
    wanted = {"height": 8, "width": 8, "channels": 2, "mean": [0, 0], "std": [1, 1], "layout": "NCHW"}
    with pytest.raises(ModelError, match="1 or 3 channels"):
        models.load(Settings(model=write_grey(tmp_path, input=wanted)))
