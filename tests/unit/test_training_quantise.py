"""8-bit integers: written where they cost little accuracy, refused or left alone where they cost too much."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from training.data.__main__ import main as data_command
from training.errors import TrainingError
from training.learning import images, quantise
from training.workloads import description, spec
from training.workloads.vehicles import train

LIMITS = description.Quantisation()
WORKLOAD = spec.load("vehicles")


class Trained:
    """The vehicles model of a short training, and what it was trained on."""

    def __init__(self, base: Path, precision: str) -> None:
        self.dataset, self.model = base / "dataset", base / "model"
        if not self.dataset.exists():
            staged = ["stage", "--workload", "vehicles", "--per-class", "120", "--out", str(self.dataset)]
            assert data_command([*staged, "--cache", str(base / "cache")]) == 0
        folders = {name: self.dataset / name for name in ("train", "validation", "test")}
        folders |= {"model": self.model, "output": base / "output", "checkpoints": base / "checkpoints"}
        options = [text for name, folder in folders.items() for text in (f"--{name}-dir", str(folder))]
        self.code = train.main([*options, "--epochs", "5", "--precision", precision])

    def split(self, name: str) -> images.Split:
        return images.read_split(self.dataset / name, WORKLOAD.data.classes, 32, 32)

    def read(self, name: str) -> dict:
        return json.loads((self.model / name).read_text())


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    base = tmp_path_factory.mktemp("fp32")
    made = Trained(base, "fp32")
    assert made.code == 0
    return made


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory, fp32: Trained) -> Trained:
    """The same training, taken up from its last checkpoint, and written in integers."""
    base = tmp_path_factory.mktemp("int8")
    shutil.copytree(fp32.dataset, base / "dataset")
    shutil.copytree(fp32.dataset.parent / "checkpoints", base / "checkpoints")
    made = Trained(base, "int8")
    assert made.code == 0
    return made


@pytest.fixture
def exported(fp32: Trained, tmp_path: Path) -> Path:
    return Path(shutil.copy(fp32.model / "model.onnx", tmp_path / "model.onnx"))


def test_fp32_is_the_default_and_says_so(fp32: Trained) -> None:
    assert WORKLOAD.training.hyperparameters["precision"].default == "fp32"
    assert fp32.read("model.json")["precision"] == "fp32"
    assert fp32.read("metrics.json")["quantisation"] is None
    assert "## Precision" not in (fp32.model / "model_card.md").read_text()


def test_the_vehicles_model_passes_the_gate_in_int8(fp32: Trained, int8: Trained) -> None:
    cost = int8.read("model.json")["quantisation"]
    assert cost["precision"] == "int8"
    assert cost["fp32_top1"] == fp32.read("metrics.json")["accuracy"] > 0.8
    assert cost["top1_loss_points"] <= cost["limit_points"] == WORKLOAD.training.quantisation.max_top1_loss_points
    assert cost["agreement"] > 0.95
    assert cost["int8_bytes"] == (int8.model / "model.onnx").stat().st_size < cost["fp32_bytes"] / 2
    weights = onnx.load(int8.model / "model.onnx").graph.initializer
    assert sum(weight.data_type == onnx.TensorProto.INT8 for weight in weights) >= 5, "a layer each"
    assert not list(int8.model.glob("*.part"))


def test_the_figures_are_those_of_the_model_that_is_served(int8: Trained) -> None:
    """Asked by a session of its own, then the file that is served is as good as metrics.json and the card say."""
    test = int8.split("test")
    session = onnxruntime.InferenceSession(int8.model / "model.onnx", providers=["CPUExecutionProvider"])
    got = session.run(["probabilities"], {"images": images.normalise(test.images).numpy()})[0]
    figures = int8.read("metrics.json")
    assert figures["accuracy"] == pytest.approx(float((got.argmax(1) == test.labels.numpy()).mean()))
    chosen = got[np.arange(len(test.labels)), test.labels]
    assert figures["loss"] == pytest.approx(float(-np.log(chosen).mean()), abs=1e-4)
    assert got.sum(1) == pytest.approx(1, abs=1e-5), "probabilities in steps of 1/255 would not add up"
    assert "The model is written in int8." in (int8.model / "model_card.md").read_text()


def test_a_calibration_on_blank_images_fails_the_gate(exported: Path, fp32: Trained) -> None:
    """Given ranges that hold no real image, when int8 is demanded, then the job fails and leaves nothing to serve."""
    blank = torch.full((8, 3, 32, 32), 114, dtype=torch.uint8)
    with pytest.raises(TrainingError, match=r"int8 loses \d+\.\d\d points .* allows 1; ask for auto or fp32"):
        quantise.decide(exported, "int8", blank, fp32.split("test"), LIMITS)
    assert list(exported.parent.iterdir()) == []


def test_auto_keeps_fp32_where_int8_is_too_bad(exported: Path, fp32: Trained) -> None:
    before, test = exported.read_bytes(), fp32.split("test")
    blank = torch.full((8, 3, 32, 32), 114, dtype=torch.uint8)
    cost, probabilities = quantise.decide(exported, "auto", blank, test, LIMITS)
    assert (cost.precision, cost.asked) == ("fp32", "auto")
    assert cost.top1_loss_points > 1
    assert cost.fp32_top1 == fp32.read("metrics.json")["accuracy"]
    assert torch.equal(probabilities, quantise.answers(exported, test.images))
    assert exported.read_bytes() == before
    assert [path.name for path in exported.parent.iterdir()] == ["model.onnx"]


def test_the_limit_is_the_workloads(exported: Path, fp32: Trained) -> None:
    """Given a workload that allows any loss, then the worst calibration passes."""
    blank = torch.full((8, 3, 32, 32), 114, dtype=torch.uint8)
    careless = description.Quantisation(max_top1_loss_points=100)
    cost, _ = quantise.decide(exported, "int8", blank, fp32.split("test"), careless)
    assert cost.precision == "int8"


def test_the_sample_is_seeded_and_part_of_the_training_images(fp32: Trained) -> None:
    split = fp32.split("train")
    one, again, other = (quantise.sample(split, 16, seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    known = {image.numpy().tobytes() for image in split.images}
    assert len(one) == 16
    assert all(image.numpy().tobytes() in known for image in one)
    assert len(quantise.sample(split, 10_000, 1)) == len(split.labels)


def test_an_unknown_precision_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--precision", "int4"]) == 2
    assert "must be one of fp32, int8, auto" in capsys.readouterr().err
