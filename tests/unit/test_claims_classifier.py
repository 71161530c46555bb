"""What the damage classifier adds to the shared job: versions, a network for what is small, its hardest images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from training.errors import TrainingError
from training.learning import images, mistakes, networks

torch.set_num_threads(1)

CLASSES = ("damaged", "whole")


def write(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (24, 32, 3), dtype=np.uint8))


@pytest.fixture
def dataset(tmp_path):
    for part, seed in (("train", 0), ("test", 10)):
        for label, name in enumerate(CLASSES):
            write(tmp_path / part / name / "a.png", seed + label)
    for label, name in enumerate(CLASSES):
        for version in range(2):
            write(tmp_path / "train" / "augmented" / name / f"a-{version}.png", 20 + 2 * label + version)
    return tmp_path


def read(folder: Path) -> images.Split:
    return images.read_split(folder, CLASSES, 24, 32)


def test_versions_are_trained_on_with_their_image_s_class(dataset):
    split = read(dataset / "train")
    assert dict(zip(split.names, split.labels.tolist(), strict=True)) == {
        "damaged/a.png": 0,
        "whole/a.png": 1,
        "augmented/damaged/a-0.png": 0,
        "augmented/damaged/a-1.png": 0,
        "augmented/whole/a-0.png": 1,
        "augmented/whole/a-1.png": 1,
    }
    assert len(read(dataset / "test").names) == 2


def test_a_version_that_is_a_test_image_is_refused(dataset):
    version = dataset / "train" / "augmented" / "whole" / "a-1.png"
    version.write_bytes((dataset / "test" / "whole" / "a.png").read_bytes())
    splits = {name: read(dataset / name) for name in ("train", "test")}
    with pytest.raises(TrainingError, match=r"augmented/whole/a-1\.png"):
        images.refuse_leakage(splits)


def test_a_small_mark_counts_wherever_it_is():
    """The strongest answer anywhere: moved by whole steps, a mark on an even ground changes nothing."""
    torch.manual_seed(1)
    network = networks.build("patch_cnn", 2).eval()
    blank = torch.zeros(1, 3, 96, 128)
    scores = []
    for row, column in ((32, 40), (56, 80)):
        marked = blank.clone()
        marked[..., row : row + 6, column : column + 6] = 3
        scores.append(network(marked))
    assert torch.allclose(scores[0], scores[1], atol=1e-5)
    assert not torch.allclose(scores[0], network(blank), atol=1e-3)


def test_the_hardest_come_first_and_are_drawn(tmp_path, dataset):
    probabilities = torch.tensor([[0.9, 0.1], [0.7, 0.3]])
    split = read(dataset / "test")
    assert mistakes.hardest(probabilities, split.labels) == [1, 0]
    figure = mistakes.draw(tmp_path / "mistakes.png", split, probabilities, CLASSES, "synthetic data")
    picture = cv2.imread(str(tmp_path / figure.file))
    assert picture is not None
    assert picture.shape[1] > picture.shape[0] > 100
    assert "synthetic data" in figure.caption
    grey = images.Split(split.images[:, :1], split.labels, split.names)
    mistakes.draw(tmp_path / "grey.png", grey, probabilities, CLASSES, "grey data")
