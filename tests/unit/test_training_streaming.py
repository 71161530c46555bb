"""Images that are streamed from files while training runs: the same for a seed, each once per epoch, whoever reads."""

from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from training.errors import TrainingError
from training.learning.streaming import CENTRE, Crops, Epochs, Files, Pick, View, cut, loader, random_view
from training.learning.throughput import drawn, found, main


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return drawn(tmp_path_factory.mktemp("drawn"), 12, (90, 60))


def test_the_same_seed_epoch_and_image_give_the_same_pixels(files: Files) -> None:
    first, again, other = (Crops(files, 32, augment=True, seed=seed) for seed in (1, 1, 2))
    picks = [Pick(epoch, image) for epoch in (0, 1) for image in range(4)]
    images, labels = first.__getitems__(picks)
    assert torch.equal(images, again.__getitems__(picks)[0])
    assert not torch.equal(images, other.__getitems__(picks)[0])
    assert not torch.equal(images[0], images[4])  # another epoch, another view
    assert labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_batches_are_stored_as_the_device_wants_them(files: Files) -> None:
    images, _ = Crops(files, 32, augment=False, seed=1).__getitems__([Pick(0, 0), Pick(0, 1)])
    assert images.shape == (2, 3, 32, 32)
    assert images.dtype == torch.uint8
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_worker_processes_change_nothing(files: Files) -> None:
    alone, helped = (
        list(loader(Crops(files, 16, augment=True, seed=3), Epochs(12, 4, seed=3), workers=count)) for count in (0, 1)
    )
    assert len(alone) == 3
    for (images, labels), (same, equal) in zip(alone, helped, strict=True):
        assert torch.equal(images, same)
        assert torch.equal(labels, equal)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_share_the_global_batches_and_see_each_image_once(ranks: int) -> None:
    whole = list(Epochs(16, 8, seed=5))
    shares = [list(Epochs(16, 8, seed=5, rank=rank, ranks=ranks)) for rank in range(ranks)]
    for number, batch in enumerate(whole):
        assert [pick for share in shares for pick in share[number]] == batch
    assert sorted(pick.image for batch in whole for pick in batch) == list(range(16))


def test_an_epoch_is_shuffled_anew() -> None:
    epochs = Epochs(64, 8, seed=5)
    first = list(epochs)
    epochs.epoch = 1
    assert [[pick.image for pick in batch] for batch in epochs] != [[pick.image for pick in batch] for batch in first]


def test_a_view_shows_the_same_part_of_an_image_however_far_it_was_reduced() -> None:
    ramp = np.linspace(0, 255, 800)[None, :, None].repeat(400, 0).repeat(3, 2).astype(np.uint8)
    half = cv2.resize(ramp, (400, 200), interpolation=cv2.INTER_AREA)
    draw = random.Random(4)  # noqa: S311
    for view in [CENTRE, *(random_view(draw) for _ in range(50))]:
        large, small = cut(ramp, view), cut(half, view)
        assert float(large.mean()) == pytest.approx(float(small.mean()), abs=2)
        assert bool(large[0, 0, 0] > large[0, -1, 0]) is view.mirrored


def test_a_view_never_reaches_outside() -> None:
    for size in ((1, 1), (1, 500), (500, 1), (3, 2)):
        for area in (0.001, 0.5, 1.0):
            for ratio in (None, 0.75, 4 / 3):
                crop = cut(np.zeros((*size, 3), np.uint8), View(area, ratio, 1.0, 1.0, mirrored=False))
                assert min(crop.shape[:2]) >= 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"no image", "no whole PNG or JPEG"), (None, "breaks off")],
    ids=["empty", "text", "truncated"],
)
def test_a_file_that_is_no_whole_image_is_named(tmp_path: Path, files: Files, content: bytes | None, said: str) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(files.paths[0].read_bytes()[:-200] if content is None else content)
    crops = Crops(Files((broken,), (0,)), 16, augment=False, seed=1)
    with pytest.raises(TrainingError, match=said) as error:
        crops.__getitems__([Pick(0, 0)])
    assert str(broken) in str(error.value)


@pytest.mark.parametrize(("images", "batch", "ranks"), [(3, 4, 1), (100, 9, 2)])
def test_a_batch_that_cannot_be_shared_or_filled_is_refused(images: int, batch: int, ranks: int) -> None:
    with pytest.raises(TrainingError, match="batch_size"):
        Epochs(images, batch, seed=1, ranks=ranks)


def test_the_throughput_command_measures_both_loops(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--architecture", "small_cnn", "--side", "16", "--batch", "4", "--steps", "2", "--rounds", "1"]
    assert main([*small, "--warmup", "1", "--workers", "0", "--images", str(files.paths[0].parent)]) == 0
    assert '"share"' in capsys.readouterr().out


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"holds no \.jpg"):
        found(tmp_path)
