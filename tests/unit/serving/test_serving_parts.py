"""Parts of the server: settings, cores, headers of images, decoding, sessions, figures."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tests.unit.serving.serving_server import figures, picture, write_model
from training.serving import cores
from training.serving import model as models
from training.serving import settings as options
from training.serving.decoding import Picture, decode
from training.serving.errors import ModelError, RequestError
from training.serving.headers import size_of
from training.serving.log import AsLines
from training.serving.metrics import Board
from training.serving.settings import Settings

README = Path(__file__).parents[3] / "training" / "README.md"


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "70000", "٣"])
def test_a_setting_that_is_no_number_is_explained(value):
    with pytest.raises(ModelError, match="SAGEMAKER_BIND_TO_PORT"):
        options.from_environment({"SAGEMAKER_BIND_TO_PORT": value})


def test_settings_that_contradict_each_other_are_explained():
    with pytest.raises(
        ModelError, match=r"SERVING_MAX_HELD_BYTES = 10: must be at least SERVING_MAX_BODY_BYTES \(20\)"
    ):
        options.from_environment({"SERVING_MAX_HELD_BYTES": "10", "SERVING_MAX_BODY_BYTES": "20"})


def test_the_defaults_are_the_container_contracts_but_for_the_address():
    settings = options.from_environment({})
    assert (settings.port, settings.model, settings.host) == (8080, Path("/opt/ml/model"), "127.0.0.1")
    assert settings.timeout_s < 60, "SageMaker gives up after 60 s"
    assert settings.drain_s < 30, "SageMaker kills after 30 s"
    assert settings.workers == cores.usable()


def test_the_readme_lists_every_variable_with_its_default():
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", README.read_text(), re.MULTILINE)
    defaults = {field.name: field.default for field in dataclasses.fields(Settings)}
    wanted = {variable.name: str(defaults[field]) for field, variable in options.NUMBERS.items()}
    wanted |= {name: str(defaults[field]) for field, name in options.TEXTS.items()}
    wanted |= {"SERVING_WORKERS": "the cores there are"}
    for name in ("SERVING_MAX_IMAGE_BYTES", "SERVING_MAX_IMAGE_PIXELS"):
        wanted[name] = "the model's `limits`"
    assert dict(rows) == wanted


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_container_s_quota_limits_the_workers(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores.quota(tmp_path) == expected
    present = len(os.sched_getaffinity(0))
    assert cores.usable(tmp_path) == (min(present, int(expected)) if expected else present)


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xc0\x00\x11"]), st.binary(max_size=80)
)
def test_any_bytes_have_a_size_or_are_refused(start_, rest):
    try:
        width, height, kind = size_of(start_ + rest)
    except RequestError as error:
        status = error.status
    else:
        status = 200
        assert width >= 0
        assert height >= 0
        assert kind in {"png", "jpeg"}
    assert status in {200, 400}


@given(st.data(), st.sampled_from([".png", ".jpg"]))
def test_no_beginning_of_an_image_passes_for_a_whole_one(data, suffix):
    body = picture("red", suffix, 40, 30)
    assert size_of(body)[:2] == (40, 30)
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(RequestError) as caught:
        size_of(body[:cut])
    assert caught.value.status == 400


@pytest.mark.parametrize(("width", "height"), [(33, 40), (150, 250), (320, 240), (640, 480), (1000, 300)])
def test_what_the_jpeg_decoder_reduces_looks_like_the_whole_image_reduced(tmp_path, width, height):
    model = models.load(Settings(model=write_model(tmp_path / "model"), max_image_bytes=1_000_000))
    noise = np.random.default_rng(width).integers(0, 255, (height // 6 + 1, width // 6 + 1, 3), dtype=np.uint8)
    image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    body = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    whole = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    wanted = cv2.resize(whole, (16, 16), interpolation=cv2.INTER_AREA).astype(int)
    difference = decode(model, body).pixels.astype(int) - wanted
    assert np.abs(difference).mean() < 3
    assert np.abs(difference.mean((0, 1))).max() < 0.5, "no shift of colour"


def test_normalised_pixels_are_the_formula_s(tmp_path):
    """The model's input: RGB planes, (pixel / 255 - mean) / std, whatever else is in the batch."""
    changes = {"height": 16, "width": 16, "channels": 3, "layout": "NCHW"}
    folder = write_model(tmp_path / "model", input=changes | {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7]})
    model = models.load(Settings(model=folder))
    images = [np.random.default_rng(k).integers(0, 255, (16, 16, 3), dtype=np.uint8) for k in range(3)]
    pictures = [Picture(image, 16, 16) for image in images]
    for k, image in enumerate(images):
        means = (image[:, :, ::-1] / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]
        scores = np.exp(means.mean((0, 1)))
        assert models.infer(model, pictures)[0][k] == pytest.approx(scores / scores.sum(), abs=1e-5)


def quantised(folder: Path) -> Path:
    """A convolution between quantise and dequantise, as the quantiser of onnxruntime writes them."""
    node, tensor = helper.make_node, helper.make_tensor
    weights = np.random.default_rng(1).integers(-127, 127, 4 * 3 * 9, np.int8)
    constants = [
        tensor("scale", TensorProto.FLOAT, [], [0.02]),
        tensor("zero", TensorProto.UINT8, [], [128]),
        tensor("no_shift", TensorProto.INT8, [], [0]),
        tensor("weights", TensorProto.INT8, [4, 3, 3, 3], weights.tobytes(), raw=True),
    ]
    nodes = [
        node("QuantizeLinear", ["images", "scale", "zero"], ["a"]),
        node("DequantizeLinear", ["a", "scale", "zero"], ["b"]),
        node("DequantizeLinear", ["weights", "scale", "no_shift"], ["c"]),
        node("Conv", ["b", "c"], ["d"]),
        node("QuantizeLinear", ["d", "scale", "zero"], ["e"]),
        node("DequantizeLinear", ["e", "scale", "zero"], ["scores"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("images", "scores")]
    graph = helper.make_graph(nodes, "quantised", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "quantised.onnx"))
    return folder / "quantised.onnx"


def test_sessions_run_quantised_models_with_integer_kernels(tmp_path):
    settings = models.session_options()
    settings.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(quantised(tmp_path), settings, providers=["CPUExecutionProvider"])
    kernels = {node.op_type for node in onnx.load(str(tmp_path / "optimised.onnx")).graph.node}
    assert "QLinearConv" in kernels
    assert "Conv" not in kernels


def test_sessions_have_one_thread_that_never_spins():
    settings = models.session_options()
    assert settings.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert settings.intra_op_num_threads == settings.inter_op_num_threads == 1


def test_figures_of_workers_add_up_and_outlive_them():
    board = Board(2)
    for number, row in enumerate(board.rows):
        row.answered(200, 0.02 * (number + 1))
        row.add("queue", 3)
        row.add("ready", 1)
    board.rows[1].clear()
    page = figures(board.text().decode())
    assert page['slipway_requests_total{code="200"}'] == 2
    assert page["slipway_request_seconds_sum"] == pytest.approx(0.06)
    assert page['slipway_request_seconds_bucket{le="0.025"}'] == 1
    assert page['slipway_request_seconds_bucket{le="0.05"}'] == 2
    assert page["slipway_queue_images"] == 3
    assert page["slipway_workers_ready"] == 1


def test_only_a_ready_worker_with_fewer_clients_is_waited_for():
    board = Board(2)
    board.rows[0].add("connections", 1)
    assert not board.has_fewer_connections(0), "the other one does not take requests yet"
    board.rows[1].add("ready", 1)
    assert board.has_fewer_connections(0)
    assert not board.has_fewer_connections(1)


def test_what_libraries_log_becomes_a_line_without_what_they_quote(capsys):
    logger = logging.Logger("uvicorn.error")
    logger.addHandler(AsLines())
    try:
        raise ValueError("secret")
    except ValueError:
        logger.exception("Exception in ASGI application\n")
    line = json.loads(capsys.readouterr().err)
    assert {"event": "library", "name": "uvicorn.error", "exception": "ValueError"}.items() <= line.items()
    assert "secret" not in str(line)
