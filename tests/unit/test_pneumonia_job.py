"""The training job: what it refuses, how it goes through an epoch, and the whole of it."""

from __future__ import annotations

import dataclasses
import importlib
import json

import cv2
import numpy as np
import pytest

from tests.lazily import Lazily
from training.errors import TrainingError
from training.learning.container import Job
from training.workloads import spec

torch = Lazily("torch")
fitting, networks = (Lazily(f"training.learning.{name}") for name in ("fitting", "networks"))
epochs, job, judgement, pictures = (
    Lazily(f"training.workloads.pneumonia.{name}") for name in ("epochs", "job", "judgement", "pictures")
)
train = Lazily("training.workloads.pneumonia.train")
PNEUMONIA = spec.load("pneumonia")
SIZES = {"train": (30, 12), "validation": (45, 24), "test": (45, 24)}


def scan(ill, rng):
    """A field with two dark lungs; a bright spot in one of them is the disease, faint in one of five."""
    image = np.full((64, 64), 150.0)
    image[12:52, 8:28] = image[12:52, 36:56] = 70
    if ill:
        spot = np.zeros_like(image)
        cv2.circle(spot, (int(rng.choice([18, 46])), int(rng.integers(22, 44))), 8, 1.0, -1)
        image += (12 if rng.random() < 0.2 else 110) * cv2.GaussianBlur(spot, (0, 0), 2)
    return np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def write(folder, sizes=SIZES, seed=1):
    rng = np.random.default_rng(seed)
    for part, counts in sizes.items():
        for label, (name, count) in enumerate(zip(PNEUMONIA.data.classes, counts, strict=True)):
            (folder / part / name).mkdir(parents=True)
            for k in range(count):
                path = folder / part / name / f"{part}{label}{k // 2}__{'pa' if k % 3 else 'ap'}-a-adult-{k % 2}.png"
                cv2.imwrite(str(path), scan(bool(label), rng))
    description = {"source": "synthetic", "synthetic": True, "classes": list(PNEUMONIA.data.classes)}
    (folder / "train" / "dataset.json").write_text(json.dumps(description))
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write(tmp_path_factory.mktemp("lungs"))


def a_job(dataset, folder, **values):
    channels = {part: dataset / part for part in SIZES}
    found = spec.resolve_hyperparameters(PNEUMONIA, values)
    return Job(found, channels, folder / "model", folder / "output", folder / "checkpoints")


# --- what is refused ------------------------------------------------------------------------------


def test_the_splits_are_read_in_grey(dataset, tmp_path):
    described, splits = job.read(PNEUMONIA, a_job(dataset, tmp_path))
    assert described["synthetic"] is True
    assert splits["train"].images.shape == (42, 1, 64, 64)
    assert splits["test"].labels.sum() == 24


def test_a_picture_that_shows_nothing_is_refused(tmp_path):
    folder = write(tmp_path / "set", dict.fromkeys(SIZES, (2, 2)))
    cv2.imwrite(str(folder / "validation" / "normal" / "x__1.png"), np.full((64, 64), 9, np.uint8))
    with pytest.raises(TrainingError, match=r"validation/normal/x__1\.png.*shows nothing"):
        job.read(PNEUMONIA, a_job(folder, tmp_path))


def test_other_classes_are_refused(tmp_path):
    folder = write(tmp_path / "set", dict.fromkeys(SIZES, (2, 2)))
    (folder / "train" / "dataset.json").write_text(json.dumps({"synthetic": False, "classes": ["cat", "dog"]}))
    with pytest.raises(TrainingError, match=r"must be \['normal', 'pneumonia'\]"):
        job.read(PNEUMONIA, a_job(folder, tmp_path))


def test_a_patient_in_two_splits_ends_the_job_with_its_name(tmp_path):
    folder = write(tmp_path / "set", dict.fromkeys(SIZES, (2, 2)))
    cv2.imwrite(str(folder / "test" / "normal" / "train00__pa-a-adult-7.png"), scan(False, np.random.default_rng(9)))
    with pytest.raises(TrainingError, match=r"patient = 'train00': has pictures in train and in test"):
        job.run(PNEUMONIA, a_job(folder, tmp_path))


def test_too_few_ill_in_validation_end_the_job_with_what_to_do(tmp_path, capsys):
    folder = write(tmp_path / "set", {"train": (8, 4), "validation": (8, 4), "test": (8, 4)})
    options = [f"--{part}-dir={folder / part}" for part in SIZES]
    options += [f"--{name}-dir={tmp_path / name}" for name in ("model", "output", "checkpoints")]
    assert train.main([*options, "--epochs", "1"]) == 1
    assert "calibration = 4: images of the validation set are positive, at least 10" in capsys.readouterr().err
    assert not (tmp_path / "model" / "model.json").exists()


def test_scores_that_are_no_numbers_are_refused(dataset, tmp_path):
    _, splits = job.read(PNEUMONIA, a_job(dataset, tmp_path))
    network = networks.build("small_cnn", 2, 1)
    with torch.no_grad():
        network[-1].bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match="no number"):
        job.scored(network, splits["test"], tuple("p" for _ in splits["test"].names))


def test_probabilities_beyond_belief_are_refused():
    with pytest.raises(TrainingError, match=r"max_calibration_error = 0\.1: .* 0\.300"):
        job.refuse_unbelievable({"headline": {"ece": 0.3}}, 0.1)
    with pytest.raises(TrainingError, match="max_calibration_error"):
        job.refuse_unbelievable({"headline": {"ece": float("nan")}}, 0.1)


# --- an epoch -------------------------------------------------------------------------------------


def test_weights_make_both_classes_count_alike():
    labels = torch.tensor([0] * 90 + [1] * 30)
    way = epochs.way(labels, "weights")
    assert way.class_weights == pytest.approx((120 / 180, 120 / 60))
    assert epochs.way(labels, "none").class_weights is None
    with pytest.raises(TrainingError, match="both classes are needed"):
        epochs.way(torch.zeros(9, dtype=torch.long), "weights")
    with pytest.raises(TrainingError, match="choose weights, sampling or none"):
        epochs.way(labels, "boost")


def test_sampling_shows_both_classes_alike_often_and_is_seeded():
    labels = torch.tensor([0] * 900 + [1] * 100)
    order = epochs.balanced(labels, torch.Generator().manual_seed(1))
    assert len(order) == 1000
    assert 0.45 < labels[order].double().mean() < 0.55
    assert torch.equal(order, epochs.balanced(labels, torch.Generator().manual_seed(1)))


def test_disturbed_pictures_stay_upright_near_and_on_their_side():
    images = torch.zeros(64, 1, 64, 64, dtype=torch.uint8)
    images[:, :, 8:20, 8:20] = 200  # a corner that a mirror or a turn upside down would empty
    found = epochs.disturb(images, torch.Generator().manual_seed(1)).float()
    assert found.shape == images.shape
    assert (found[:, :, :32, :32].mean((1, 2, 3)) > found[:, :, 32:, 32:].mean((1, 2, 3)) + 20).all()
    assert (found[:, :, :32, :32].mean((1, 2, 3)) > found[:, :, :32, 32:].mean((1, 2, 3)) + 20).all()
    assert found.std(0).mean() > 5
    assert torch.equal(found, epochs.disturb(images, torch.Generator().manual_seed(1)).float())
    assert not torch.equal(found, epochs.disturb(images, torch.Generator().manual_seed(2)).float())


def test_a_grey_network_takes_colour_weights_summed(tmp_path):
    torch.manual_seed(0)
    colour = networks.build("resnet18", 2)
    torch.save(colour.state_dict(), tmp_path / "weights.pth")
    grey = networks.build("resnet18", 2, 1)
    assert networks.load_weights(grey, tmp_path / "weights.pth") == []
    image = torch.rand(2, 1, 32, 32)
    colour.eval(), grey.eval()
    with torch.inference_mode():
        assert torch.allclose(grey(image), colour(image.expand(-1, 3, -1, -1)), atol=1e-5)


# --- the whole ------------------------------------------------------------------------------------

QUICK = {"epochs": 3, "batch_size": 8, "target_sensitivity": 0.7, "target_specificity": 0.7, "confidence": 0.5}


@pytest.mark.slow
def test_the_job_leaves_a_model_that_is_served_with_its_rule(dataset, tmp_path):
    from training.serving import model as models  # noqa: PLC0415  onnxruntime is wanted here only
    from training.serving.metrics import Board  # noqa: PLC0415
    from training.serving.settings import Settings  # noqa: PLC0415

    metrics = job.run(PNEUMONIA, a_job(dataset, tmp_path, **QUICK, max_calibration_error=0.5))
    described = json.loads((tmp_path / "model" / "model.json").read_text())
    held = {path.name for path in (tmp_path / "model").iterdir()}
    assert held == {
        "model.onnx", "model.json", "model.pt", "metrics.json", "model_card.md", "calibration_baseline.json"
    }  # fmt: skip
    assert described["decision"]["positive"] == "pneumonia"
    assert metrics["map_difference"] < 1e-4
    served = models.load(Settings(model=tmp_path / "model"))
    paths = sorted((dataset / "test" / "pneumonia").iterdir())[:6]
    answers = models.answer(served, [path.read_bytes() for path in paths], Board(1).rows[0])
    for answer in answers:
        said = json.loads(b'{"predictions": ' + answer + b"}")
        low, high = described["decision"]["abstain"]
        p = said["decision"]["probability"]
        expected = "positive" if p >= high else "negative" if p < low else "abstain"
        assert said["decision"]["verdict"] == expected
    figures = json.loads((tmp_path / "output" / "figures.json").read_text())
    for figure in figures:
        assert (tmp_path / "output" / figure["file"]).stat().st_size > 5000
        assert all(figure[name] for name in ("title", "caption", "alt"))
    card = (tmp_path / "model" / "model_card.md").read_text()
    for said in (
        "not a medical device",
        "Synthetic",
        "| view ap |",
        "Not meant for",
        "isotonic",
        "At other prevalences",
    ):
        assert said in card
    assert "train0" not in (tmp_path / "model" / "calibration_baseline.json").read_text()


@pytest.mark.slow
def test_an_interrupted_job_resumes_to_the_same_model(dataset, tmp_path, monkeypatch):
    values = QUICK | {"max_calibration_error": 0.5, "abstain": "none"}
    whole = job.run(PNEUMONIA, a_job(dataset, tmp_path / "whole", **values))
    real, calls = fitting.save, []

    def dies(*arguments):
        real(*arguments)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("training.learning.fitting"), "save", dies)
    with pytest.raises(KeyboardInterrupt):
        job.run(PNEUMONIA, a_job(dataset, tmp_path / "cut", **values))
    resumed = job.run(PNEUMONIA, a_job(dataset, tmp_path / "cut", **values))
    assert resumed["headline"] == whole["headline"]
    models = [(tmp_path / part / "model" / "model.onnx").read_bytes() for part in ("whole", "cut")]
    assert models[0] == models[1]


@pytest.mark.parametrize("abstain", ["rates", "ppv", "cost", "none"])
def test_the_rule_is_chosen_as_asked(abstain):
    rng = np.random.default_rng(4)
    p = 1 / (1 + np.exp(-rng.normal(-1, 3, 900)))
    held_out = judgement.Judged(("x",) * 900, tuple(map(str, range(900))), rng.random(900) < p, p, p)
    rule = judgement.decide(held_out, spec.resolve_hyperparameters(PNEUMONIA, {"abstain": abstain}))
    low, high = rule.abstain
    assert 0 <= low <= rule.threshold <= high <= 1
    assert (low == high) == (abstain == "none")


def test_without_traits_there_are_no_subgroups():
    p = np.linspace(0.1, 0.9, 20)
    judged = judgement.Judged(("p1__scan.png",) * 20, tuple(map(str, range(20))), p > 0.5, p, p)
    rule = judgement.operating.Rule(0.5, (0.4, 0.6))
    assert judgement.subgroups(judged, rule) == []
    assert dataclasses.asdict(rule)["threshold"] == 0.5
