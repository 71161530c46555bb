"""The breed classifier's job: two stages, what it leaves behind, its refusals, and in several processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.lazily import Lazily
from training.data import layout
from training.data.records import Records
from training.data.splits import Shares, split
from training.workloads import spec
from training.workloads.dogs import data

torch = Lazily("torch")
container, distributed, networks, transfer = (
    Lazily(f"training.learning.{name}") for name in ("container", "distributed", "networks", "transfer")
)
job, train = (Lazily(f"training.workloads.dogs.{name}") for name in ("job", "train"))

DOGS = spec.load("dogs")
ROOT = Path(__file__).parents[2]
BREEDS = ("Beagle", "Komondor", "Dalmatian", "Dachshund", "Poodle", "Chow_chow")
SMALL = {
    "architecture": "small_resnet",
    "side": 32,
    "weights": "backbone.pth",
    "epochs": 1,
    "head_epochs": 5,
    "batch_size": 8,
    "workers": 0,
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six breeds, and weights that know nothing."""
    folder = tmp_path_factory.mktemp("dogs") / "dataset"
    pictures = data.pictures(BREEDS, 10, 7)
    labels = np.arange(len(pictures)) % len(BREEDS)
    names = [f"{number}.png" for number in range(len(pictures))]
    records = Records(pictures, labels, names, None, BREEDS, "synthetic", synthetic=True)
    splits, left_out = split(records, Shares(), 7)
    description = layout.describe(records, splits, workload="dogs", seed=7, left_out=left_out)
    layout.write(folder, records, splits, description)
    torch.manual_seed(2)
    (folder / "weights").mkdir()
    torch.save(networks.build("small_resnet", 9).state_dict(), folder / "weights" / "backbone.pth")
    return folder


def options(dataset: Path, out: Path, **changed: Any) -> list[str]:
    folders = {f"{name}-dir": dataset / name for name in ("train", "validation", "test", "weights")}
    folders |= {"model-dir": out / "model", "output-dir": out / "output", "checkpoints-dir": out / "checkpoints"}
    return [part for name, value in (folders | SMALL | changed).items() for part in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("job")
    command = [sys.executable, "-m", "training.workloads.dogs.train", *options(dataset, out, profile_steps=1)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout


def test_the_job_leaves_what_the_contract_says(trained: tuple[Path, str]) -> None:
    out, log = trained
    held = {path.name for path in (out / "model").iterdir()}
    assert held == {"model.onnx", "model.json", "model.pt", "metrics.json", "model_card.md"}
    described = json.loads((out / "model" / "model.json").read_text())
    assert described["classes"] == list(BREEDS)
    assert (described["input"]["height"], described["input"]["width"]) == (32, 32)
    assert described["metrics"].keys() >= {"test:accuracy", "test:top5_accuracy"}
    assert described["synthetic"] is True
    assert "synthetic data" in log
    card = (out / "model" / "model_card.md").read_text()
    for part in ("**Synthetic.**", "## Intended use", "## Stages", "Not to decide about dogs or people"):
        assert part in card


def test_every_metric_can_be_read_from_the_log(trained: tuple[Path, str]) -> None:
    _, log = trained
    for metric in DOGS.training.metrics:
        found = [float(value) for value in re.findall(metric.regex, log)]
        # The frozen stage reports as epoch 0.
        assert len(found) == (1 if metric.name.startswith("test:") else 2), metric.name


def test_every_figure_lies_there_with_a_caption(trained: tuple[Path, str]) -> None:
    out, _ = trained
    figures = json.loads((out / "output" / "figures.json").read_text())
    assert {figure["file"] for figure in figures} == {"confusion.png", "curves.png", "steps.png", "gradients.png"}
    for figure in figures:
        assert (out / "output" / figure["file"]).stat().st_size > 5000
        assert all(figure[name] for name in ("title", "caption", "alt"))
    watched = json.loads((out / "output" / "watch.json").read_text())
    assert watched["steps"] == 36 // 8
    assert (out / "output" / "profile" / "operations.json").is_file()


def test_a_frozen_backbone_stays_as_it_came(dataset: Path, tmp_path: Path) -> None:
    assert train.main(options(dataset, tmp_path, freeze_backbone="true")) == 0
    came = torch.load(dataset / "weights" / "backbone.pth")
    left = torch.load(tmp_path / "model" / "model.pt")["state_dict"]
    changed = {name for name, value in left.items() if not torch.equal(value, came[name])}
    assert changed == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"weights": "nowhere.pth"}, "weights = "),
        ({"batch_size": 4096}, "exceeds the 36 images"),
        ({"architecture": "resnet18"}, "does not fit the architecture"),
        ({"epochs": "many"}, "hyperparameters.epochs"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], reason: str
) -> None:
    assert train.main(options(dataset, tmp_path, **changed)) in {1, 2}
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "model" / "model.onnx").exists()


def test_the_same_picture_in_two_splits_is_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = shutil.copytree(dataset, tmp_path / "dataset")
    twin = next((copied / "train" / "Beagle").iterdir())
    shutil.copy(twin, copied / "test" / "Komondor" / "another.png")
    assert train.main(options(copied, tmp_path)) == 1
    assert "is the same image as train/Beagle/" in capsys.readouterr().err


def test_a_batch_that_shards_do_not_divide_is_rounded_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    values = spec.resolve_hyperparameters(DOGS, SMALL | {"batch_size": 9})
    group = distributed.Group(0, 1, torch.device("cpu"))
    given = job.Given(DOGS, container.Job(values, {}, Path(), Path(), Path()), group, {}, {})
    assert job._plan(given, pretrained=True).batch_size == 8
    assert "batch_size 9 becomes 8, a multiple of the 2 shards" in capsys.readouterr().out


# --- the two stages ----------------------------------------------------------------------------------


def test_a_new_last_layer_fits_features_of_any_scale() -> None:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(90) % 3
    known = torch.randn(90, 6, generator=generator)
    known[:, :3] += 3 * torch.nn.functional.one_hot(labels, 3)
    known = known * torch.tensor([1e-3, 1e3, 1.0, 5.0, 1.0, 1.0]) + 40
    head = torch.nn.Linear(6, 3)
    transfer.fit_head(head, known, labels, epochs=60, learning_rate=0.05, seed=1)
    assert (head(known).argmax(1) == labels).float().mean() > 0.9


def test_earlier_stages_learn_more_slowly_and_frozen_ones_not_at_all() -> None:
    network = networks.build("small_resnet", 4)
    transfer.unfreeze(network, 2)
    rates = {group["name"]: group["lr"] for group in transfer.groups(network, 0.1, 0.5, 0.01)}
    assert rates == {"fc": 0.1, "layer4": 0.05, "layer3": 0.025}
    decays = {
        (group["params"][0].ndim > 1, group["weight_decay"]) for group in transfer.groups(network, 0.1, 0.5, 0.01)
    }
    assert decays == {(True, 0.01), (False, 0.0)}
    assert not network.layer2[0].conv1.weight.requires_grad


# --- several processes -------------------------------------------------------------------------------


@pytest.mark.slow
def test_torchrun_in_two_processes_makes_the_same_model(
    dataset: Path, trained: tuple[Path, str], tmp_path: Path
) -> None:
    done = torchrun(options(dataset, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("test:accuracy=") == 1
    assert (tmp_path / "model" / "model.onnx").read_bytes() == (trained[0] / "model" / "model.onnx").read_bytes()


@pytest.mark.slow
def test_torchrun_says_why_it_failed(dataset: Path, tmp_path: Path) -> None:
    done = torchrun(options(dataset, tmp_path, shards=3, batch_size=12))
    assert done.returncode != 0
    assert "shards = 3: must be a multiple of the 2 processes" in done.stderr
    assert "shards = 3" in (tmp_path / "failure").read_text()


def torchrun(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    out = Path(arguments[arguments.index("--output-dir") + 1])
    env = os.environ | {"OMP_NUM_THREADS": "1", "SM_OUTPUT_DATA_DIR": str(out)}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m"]
    command += ["training.workloads.dogs.train", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
def test_what_was_learnt_from_other_dogs_helps(tmp_path: Path) -> None:
    """Of the same pictures, a frozen backbone that knows other dogs makes more than one that knows nothing."""
    from training.workloads.dogs import study  # noqa: PLC0415  imports torch

    found = study.compare(tmp_path, per_class=8, breeds=24, epochs=2, seed=7)
    assert found["frozen"] > 2 * found["random"]
    assert found["tuned"] > 1.5 * found["scratch"]
