"""Networks, fitting, evaluation and export."""

from __future__ import annotations

import importlib
import os

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from training.errors import TrainingError
from training.learning import checkpoints, evaluation, export, fitting, images, networks

torch.set_num_threads(1)

CLASSES = ("dark", "bright")
PLAN = fitting.Plan(
    epochs=4, batch_size=8, learning_rate=0.01, weight_decay=0.0, label_smoothing=0.0, augment=True, patience=9, seed=3
)


def made(count: int, seed: int) -> images.Split:
    """Noise around a dark or a bright grey."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = np.where(labels, 150, 100).reshape(-1, 1, 1, 1) + rng.normal(0, 30, (count, 3, 16, 16))
    names = tuple(f"{CLASSES[label]}/{seed}_{k}.png" for k, label in enumerate(labels))
    return images.Split(torch.from_numpy(pixels.clip(0, 255).astype(np.uint8)), torch.from_numpy(labels), names)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return networks.build("small_cnn", 2)


# --- networks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "parameters", "some_names"),
    [
        # torchvision's published counts for 1,000 classes.
        ("resnet18", 11_689_512, {"layer1.0.conv1.weight", "layer2.0.downsample.1.running_mean", "layer4.1.bn2.bias"}),
        ("resnet34", 21_797_672, {"layer3.5.conv2.weight", "layer1.2.bn1.num_batches_tracked"}),
        ("resnet50", 25_557_032, {"layer1.0.downsample.0.weight", "layer3.5.conv3.weight", "layer4.2.bn3.running_var"}),
    ],
)
def test_resnets_have_torchvisions_parameters(architecture, parameters, some_names):
    with torch.device("meta"):
        resnet = networks.build(architecture, 1000)
    names = set(resnet.state_dict())
    assert sum(parameter.numel() for parameter in resnet.parameters()) == parameters
    assert names >= some_names | {"conv1.weight", "bn1.weight", "fc.weight", "fc.bias"}
    assert "layer1.0.downsample.0.weight" not in names or architecture == "resnet50"


def test_an_unknown_architecture_names_the_known_ones():
    with pytest.raises(TrainingError, match="resnet50"):
        networks.build("vgg", 2)


def test_given_weights_are_taken_but_for_a_head_of_another_size(tmp_path):
    torch.manual_seed(1)
    given = networks.build("resnet18", 10)
    torch.save(given.state_dict(), tmp_path / "resnet18.pth")
    resnet = networks.build("resnet18", 2)
    fresh = networks.load_weights(resnet, tmp_path / "resnet18.pth")
    assert fresh == ["fc.bias", "fc.weight"]
    assert all(
        torch.equal(value, given.state_dict()[name]) for name, value in resnet.state_dict().items() if name not in fresh
    )
    assert networks.load_weights(networks.build("resnet18", 10), tmp_path / "resnet18.pth") == []


def test_weights_of_another_architecture_and_evil_files_are_refused(tmp_path):
    torch.save(network().state_dict(), tmp_path / "small.pth")
    with pytest.raises(TrainingError, match="does not fit the architecture"):
        networks.load_weights(networks.build("resnet18", 2), tmp_path / "small.pth")

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/was-run",)

    torch.save({"conv1.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(TrainingError, match="no torch state dict"):
        networks.load_weights(network(), tmp_path / "evil.pth")
    assert not (tmp_path / "was-run").exists()
    with pytest.raises(TrainingError, match="weights"):
        networks.load_weights(network(), tmp_path / "nowhere.pth")


def test_a_frozen_backbone_does_not_move():
    frozen = network()
    networks.freeze_backbone(frozen)
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    fitting.fit(frozen, made(32, 1), made(16, 2), PLAN)
    changed = {name for name, value in frozen.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == set(list(before)[-2:])


# --- images -------------------------------------------------------------------------------------


def test_disturbing_keeps_shape_and_content_and_depends_on_the_generator():
    split = made(6, 1)
    one, again, other = (images.disturb(split.images, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert one.shape == split.images.shape
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    for before, after in zip(split.images, one, strict=True):
        assert set(after.flatten().tolist()) <= set(before.flatten().tolist())


def test_images_are_read_in_rgb_and_resized(tmp_path):
    for name, colour in (("a", (255, 0, 0)), ("b", (0, 255, 0))):  # OpenCV writes BGR: "a" is blue
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "x.png"), np.full((40, 20, 3), colour, np.uint8))
    split = images.read_split(tmp_path, ("a", "b"), 8, 8)
    assert split.images.shape == (2, 3, 8, 8)
    assert split.images[0, :, 0, 0].tolist() == [0, 0, 255]
    assert split.labels.tolist() == [0, 1]
    assert split.names == ("a/x.png", "b/x.png")


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    for name in CLASSES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_bytes(content)
    with pytest.raises(TrainingError, match=r"x\.png"):
        images.read_split(tmp_path, CLASSES, 8, 8)


def test_missing_channels_and_classes_are_named(tmp_path):
    with pytest.raises(TrainingError, match="no such folder"):
        images.read_split(tmp_path / "nowhere", CLASSES, 8, 8)
    with pytest.raises(TrainingError, match="'dark'"):
        images.read_split(tmp_path, CLASSES, 8, 8)


def test_the_same_image_in_two_splits_is_refused():
    images.refuse_leakage({"train": made(8, 1), "test": made(8, 2)})
    with pytest.raises(TrainingError, match="same image as train/"):
        images.refuse_leakage({"train": made(8, 1), "test": made(8, 1)})


# --- fitting ------------------------------------------------------------------------------------


def test_a_fit_learns_and_keeps_its_best_epoch():
    fitted, losses = network(), {}
    state = fitting.fit(fitted, made(64, 1), made(32, 2), PLAN, report=lambda epoch, m: losses.update({epoch: m}))
    assert list(losses) == [1, 2, 3, 4]
    assert state.best_loss == min(values["validation:loss"] for values in losses.values())
    held_out = made(32, 3)
    assert (fitting.predict(fitted, held_out.images).argmax(1) == held_out.labels).float().mean() > 0.9


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_run_that_was_stopped_resumes_to_the_same_weights(tmp_path, stop_after):
    whole = network()
    fitting.fit(whole, made(33, 1), made(16, 2), PLAN)

    class StoppedError(Exception):
        pass

    def stop(epoch, _values):
        if epoch > stop_after:
            raise StoppedError

    first, seen = network(), []
    with pytest.raises(StoppedError):
        fitting.fit(first, made(33, 1), made(16, 2), PLAN, checkpoints=tmp_path, report=stop)
    second = network(seed=99)
    fitting.fit(
        second, made(33, 1), made(16, 2), PLAN, checkpoints=tmp_path, report=lambda epoch, _: seen.append(epoch)
    )
    assert seen == list(range(stop_after + 1, 5))
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in whole.state_dict().items())


def test_a_checkpoint_of_another_run_is_not_taken_up(tmp_path):
    fitting.fit(network(), made(16, 1), made(8, 2), PLAN, checkpoints=tmp_path)
    seen = []
    other = made(16, 5)
    fitting.fit(network(), other, made(8, 2), PLAN, checkpoints=tmp_path, report=lambda epoch, _: seen.append(epoch))
    assert seen == [1, 2, 3, 4]


def test_a_broken_checkpoint_is_explained(tmp_path):
    (tmp_path / checkpoints.CHECKPOINT).write_bytes(b"rubbish")
    with pytest.raises(TrainingError, match="remove it to start over"):
        fitting.fit(network(), made(16, 1), made(8, 2), PLAN, checkpoints=tmp_path)


def test_it_stops_early_without_progress():
    seen = []
    plan = fitting.Plan(**{name: getattr(PLAN, name) for name in PLAN.__slots__} | {"patience": 1, "epochs": 40})
    state = fitting.fit(network(), made(16, 1), made(8, 2), plan, report=lambda epoch, _: seen.append(epoch))
    assert len(seen) == state.best_epoch + 1 < 40


# --- evaluation and export ----------------------------------------------------------------------


def test_the_figures_are_scikit_learns():
    metrics = importlib.import_module("sklearn.metrics")  # here: it takes seconds, which every worker would spend
    torch.manual_seed(4)
    probabilities = torch.softmax(torch.randn(200, 3, dtype=torch.float64) * 2, 1)
    labels = torch.randint(0, 3, (200,))
    figures = evaluation.evaluate(probabilities, labels, ("a", "b", "c"), 0.9)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(labels, probabilities.argmax(1))
    for k, name in enumerate("abc"):
        row = figures["classes"][name]
        assert [row["precision"], row["recall"], row["f1"]] == pytest.approx([precision[k], recall[k], f1[k]])
        assert row["images"] == support[k]
    assert figures["loss"] == pytest.approx(metrics.log_loss(labels, probabilities), abs=1e-4)
    assert figures["share_below_threshold"] == pytest.approx(float((probabilities.max(1).values < 0.9).float().mean()))


def test_a_class_never_predicted_has_figures_of_zero():
    figures = evaluation.evaluate(torch.tensor([[0.9, 0.1], [0.8, 0.2]]), torch.tensor([0, 1]), ("a", "b"), 0.5)
    assert figures["classes"]["b"] == {"precision": 0, "recall": 0, "f1": 0, "images": 1}


def test_the_temperature_undoes_overconfidence():
    torch.manual_seed(5)
    scores = torch.randn(4000, 2)
    labels = torch.multinomial(torch.softmax(scores, 1), 1).flatten()
    assert evaluation.temperature(scores * 3, labels) == pytest.approx(3, rel=0.15)
    raw, calm = torch.softmax(scores * 3, 1), torch.softmax(scores, 1)
    assert evaluation.calibration_error(calm, labels) < 0.03 < evaluation.calibration_error(raw, labels)


def test_the_confusion_plot_is_a_picture(tmp_path):
    evaluation.plot_confusion([[9, 1], [0, 0]], CLASSES, "title", tmp_path / "deep" / "c.png")
    picture = cv2.imread(str(tmp_path / "deep" / "c.png"))
    assert min(picture.shape[:2]) > 300
    assert picture.std() > 20


def test_an_export_that_differs_is_refused(tmp_path, monkeypatch):
    model = export.Calibrated(network(), 1.3)
    sample = images.normalise(made(5, 1).images)
    assert export.export(model, tmp_path / "model.onnx", sample) < 1e-5
    (tmp_path / "model.onnx").unlink()
    monkeypatch.setattr(export, "compare", lambda *_: float("nan"))
    with pytest.raises(TrainingError, match="differs from torch"):
        export.export(model, tmp_path / "model.onnx", sample)
    assert list(tmp_path.iterdir()) == []


def test_the_comparison_sees_a_difference(tmp_path):
    sample = images.normalise(made(5, 1).images)
    export.export(export.Calibrated(network(), 1.0), tmp_path / "model.onnx", sample)
    other = export.Calibrated(network(seed=8), 1.0).eval()
    assert export.compare(other, tmp_path / "model.onnx", sample) > 0.001
