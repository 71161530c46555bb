"""The detector's job from its command line to a model that the server loads and answers with."""

from __future__ import annotations

import json
import re

import cv2
import numpy as np
import pytest

from tests.unit.detection_support import rectangles, write_channel
from training.learning import entry
from training.serving import model as models
from training.serving.metrics import Board
from training.serving.settings import Settings
from training.workloads import spec

PROGRAM = "training.learning.detection.job"


@pytest.fixture
def channels(tmp_path):
    sizes = {"train": 12, "validation": 6, "test": 8}
    return [
        f"--{name}-dir={write_channel(tmp_path / 'data' / name, rectangles(count, seed))}"
        for seed, (name, count) in enumerate(sizes.items())
    ]


def test_a_job_leaves_a_model_that_the_server_answers_with(tmp_path, channels, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    model, output = tmp_path / "model", tmp_path / "output" / "data"
    folders = [f"--model-dir={model}", f"--output-dir={output}", f"--checkpoints-dir={tmp_path / 'checkpoints'}"]
    # Before anything is learnt every score is near 0.01: with no floor, boxes are answered all the same.
    settings = ["--epochs=1", "--batch-size=4", "--score_floor=0", "--max_boxes=5"]
    assert entry.main("claims-detector", PROGRAM, [*channels, *folders, *settings]) == 0

    log = capsys.readouterr().out
    workload = spec.load("claims-detector")
    for metric in workload.training.metrics:
        assert re.search(metric.regex, log), f"SageMaker would find no {metric.name} in the log"
    description = json.loads((model / "model.json").read_text())
    assert (description["task"], description["classes"], description["max_boxes"]) == ("detection", ["car"], 5)
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["onnx_difference"] < 1e-4
    assert (metrics["images"], metrics["objects"]) == (8, 8)
    card = (model / "model_card.md").read_text()
    assert "Synthetic" in card
    assert "## Intended use" in card
    assert "| AP at an overlap of 0.5 (COCO) |" in card
    for figure in json.loads((output / "figures.json").read_text()):
        assert cv2.imread(str(output / figure["file"])) is not None
        assert figure["title"]
        assert "synthetic" in figure["caption"]

    served = models.load(Settings(model=model))
    picture = cv2.imencode(".png", np.full((90, 200, 3), 90, np.uint8))[1].tobytes()
    (answer,) = models.answer(served, [picture], Board(1).rows[0])
    found = json.loads(answer)
    assert 0 < len(found) <= 5
    for item in found:
        left, top, right, bottom = item["box"]
        assert 0 <= left < right <= 200
        assert 0 <= top < bottom <= 90


def test_wrong_data_ends_the_job_with_its_reason(tmp_path, channels, capsys):
    (tmp_path / "data" / "train" / "annotations.jsonl").unlink()
    assert entry.main("claims-detector", PROGRAM, [*channels, f"--model-dir={tmp_path / 'model'}"]) == 1
    assert "has no annotations.jsonl; stage the data" in capsys.readouterr().err


def test_an_image_in_two_splits_is_refused(tmp_path, channels, capsys):
    source, target = (tmp_path / "data" / name for name in ("train", "test"))
    (target / "2_0.png").write_bytes((source / "0_0.png").read_bytes())
    assert entry.main("claims-detector", PROGRAM, [*channels, f"--model-dir={tmp_path / 'model'}"]) == 1
    assert "is the same image as" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "says"),
    [("--nms_iou=2", "between 0.0 and 1.0"), ("--architecture=vgg16", "light, resnet18"), ("--anchors=9", "unknown")],
)
def test_wrong_hyperparameters_are_explained(tmp_path, channels, capsys, option, says):
    assert entry.main("claims-detector", PROGRAM, [*channels, f"--model-dir={tmp_path / 'model'}", option]) == 2
    assert says in capsys.readouterr().err
