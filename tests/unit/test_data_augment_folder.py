"""Augmented folders: layout, labels, checksums; the same bytes however often the run was ended; no leakage."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from data_support import tree

from training.data import __main__ as command
from training.data import boxes, layout
from training.data.augment import folder, images, work
from training.data.augment.folder import augment
from training.data.augment.policy import Policy
from training.data.augment.settings import Settings
from training.data.records import Box, Records
from training.data.splits import Shares, split
from training.errors import DataError
from training.learning.detection import scenes

ROOT = Path(__file__).resolve().parents[2]
TEN = Settings(copies=10, seed=7)


def photo(seed: int, size: tuple[int, int] = (48, 32), channels: int = 3) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 256, (6, 8, channels), np.uint8)
    return cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC).reshape(size[1], size[0], channels)


@pytest.fixture
def channel(tmp_path) -> Path:
    """Class folders with six images each."""
    for number in range(12):
        path = tmp_path / "photos" / ("dog", "cat")[number % 2] / f"p{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), photo(number))
    return tmp_path / "photos"


def staged(path: Path, *, boxed: bool) -> Path:
    shown = tuple((Box(0, 8, 6, 40, 26),) if k % 4 else () for k in range(40)) if boxed else None
    made = np.stack([photo(k) for k in range(40)])
    labels = np.arange(40) % 2
    names = [f"{k}.png" for k in range(40)]
    records = Records(made, labels, names, None, ("car",) if boxed else ("a", "b"), "made", True, boxes=shown)
    parts, left_out = split(records, Shares(), 1)
    layout.write(path, records, parts, layout.describe(records, parts, workload="w", seed=1, left_out=left_out))
    return path


# --- what is written ----------------------------------------------------------------------------------


def test_every_image_gets_its_versions_in_its_class(channel, tmp_path):
    done = augment(channel, tmp_path / "out", TEN)
    assert (done.images, done.versions, done.made) == (12, 120, 120)
    found = tree(tmp_path / "out")
    manifest = [json.loads(line) for line in found.pop("manifest.jsonl").splitlines()]
    assert set(found) == {f"{('dog', 'cat')[k % 2]}/p{k}-{copy:02}.jpg" for k in range(12) for copy in range(1, 11)}
    assert manifest[0]["copies"] == 10
    for row in manifest[1:]:
        assert row["sha256"] == hashlib.sha256((channel / row["source"]).read_bytes()).hexdigest()
        assert {file: hashlib.sha256(found[file]).hexdigest() for file in row["files"]} == row["files"]
    pixels = cv2.imread(str(tmp_path / "out" / "dog" / "p0-03.jpg"))
    wanted = images.version(cv2.imread(str(channel / "dog" / "p0.png")), "dog/p0.png", 3, seed=7)
    assert np.abs(pixels.astype(int) - wanted).mean() < 4  # JPEG


def test_png_keeps_every_pixel_and_grey_stays_grey(tmp_path):
    (tmp_path / "in" / "a").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "in" / "a" / "x.png"), photo(1, channels=1))
    augment(tmp_path / "in", tmp_path / "out", Settings(copies=3, format="png"))
    pixels = cv2.imread(str(tmp_path / "out" / "a" / "x-2.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(pixels[:, :, None], images.version(photo(1, channels=1), "a/x.png", 2, seed=7))


@pytest.mark.parametrize("boxed", [True, False])
def test_a_staged_dataset_gets_versions_of_its_training_images_alone(tmp_path, boxed):
    dataset = staged(tmp_path / "ds", boxed=boxed)
    before = tree(dataset)
    augment(dataset, None, TEN)
    after = tree(dataset)
    assert {path for path in set(after) - set(before) if not path.startswith("train/augmented/")} == set()
    assert {path for path in before if before[path] != after[path]} == {layout.CHECKSUMS}
    sums = layout.read_checksums(dataset)
    assert sums == {path: hashlib.sha256(after[path]).hexdigest() for path in after if path != layout.CHECKSUMS}
    versions = [path for path in after if path.endswith(".jpg")]
    originals = [path for path in before if path.startswith("train/") and path.endswith(".png")]
    assert len(versions) == 10 * len(originals)
    if boxed:
        found = boxes.read(dataset / "train" / "augmented" / boxes.FILE, classes=1)
        assert {f"train/augmented/{name}" for name in found} == set(versions)
        assert 0 < sum(map(len, found.values())) <= len(versions)


def test_boxes_of_a_version_are_those_of_its_pixels(tmp_path):
    dataset = staged(tmp_path / "ds", boxed=True)
    augment(dataset, tmp_path / "out", TEN)
    given = boxes.read(dataset / "train" / boxes.FILE)
    found = boxes.read(tmp_path / "out" / boxes.FILE)
    for name, shown in given.items():
        image = cv2.imread(str(dataset / "train" / name))
        for copy in range(1, 11):
            _, moved = images.version_with_boxes(image, shown, name, copy, seed=7)
            got = found[f"{name.removesuffix('.png')}-{copy:02}.jpg"]
            assert len(got) == len(moved)
            assert all(one == pytest.approx(other, abs=0.011) for one, other in zip(got, moved, strict=True))


def test_a_subset_and_several_processes_give_the_same_bytes(channel, tmp_path):
    augment(channel, tmp_path / "all", TEN)
    whole = tree(tmp_path / "all")
    for path in sorted(channel.glob("*/*"))[:7]:
        path.unlink()
    seen = []
    augment(channel, tmp_path / "some", TEN, jobs=2, progress=lambda done, total: seen.append((done, total)))
    some = tree(tmp_path / "some")
    del some["manifest.jsonl"]
    assert some.items() < whole.items()
    assert seen[-1] == (50, 50)


# --- interrupted runs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [1, 2, 5])
def test_an_interrupted_run_is_finished_by_the_next(channel, tmp_path, monkeypatch, at):
    monkeypatch.setattr(folder, "_TASK", 20)
    augment(channel, tmp_path / "whole", TEN)
    calls = iter(range(at + 1))

    def ended(task: work.Task):
        if next(calls) == at:
            raise KeyboardInterrupt
        return real(task)

    real = work.perform
    monkeypatch.setattr(work, "perform", ended)
    with pytest.raises(KeyboardInterrupt):
        augment(channel, tmp_path / "out", TEN)
    assert not (tmp_path / "out" / folder.MANIFEST).exists()
    monkeypatch.setattr(work, "perform", real)
    (tmp_path / "out" / folder.UNFINISHED / "1234.part").write_bytes(b"half a pic")
    assert augment(channel, tmp_path / "out", TEN).made == 120 - 20 * at
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_after_kill_9_a_resumed_run_has_the_bytes_of_an_uninterrupted_one(channel, tmp_path):
    settings = ["--source", str(channel), "--copies", "150", "--out", str(tmp_path / "out")]
    begin = [sys.executable, "-m", "training.data", "augment", *settings, "--jobs", "2"]
    with subprocess.Popen(begin, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("out/*/*.jpg")) and time.monotonic() < deadline:
            time.sleep(0.002)
        children = _children(process.pid)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "the run was over before it could be killed"
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children), "a process outlived its parent"
    assert 0 < len(list(tmp_path.glob("out/*/*.jpg"))) < 1800
    assert command.main(["augment", *settings, "--jobs", "1"]) == 0
    augment(channel, tmp_path / "whole", Settings(copies=150))
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def test_a_finished_run_is_not_repeated_and_another_is_refused(channel, tmp_path):
    augment(channel, tmp_path / "out", TEN)
    before = tree(tmp_path / "out")
    assert augment(channel, tmp_path / "out", TEN).made == 0
    with pytest.raises(DataError, match="begun with another seed"):
        augment(channel, tmp_path / "out", Settings(copies=10, seed=8))
    with pytest.raises(DataError, match="begun with another policy"):
        augment(channel, tmp_path / "out", Settings(copies=10, policy=Policy(mirror=0.4)))
    cv2.imwrite(str(channel / "dog" / "p0.png"), photo(99))
    with pytest.raises(DataError, match=r"versions of other images \(dog/p0.png differs\)"):
        augment(channel, tmp_path / "out", TEN)
    (channel / "dog" / "p0.png").unlink()
    with pytest.raises(DataError, match="versions of other images"):
        augment(channel, tmp_path / "out", TEN)
    assert tree(tmp_path / "out") == before


def test_images_that_changed_or_went_since_the_interruption_are_done_again(channel, tmp_path, monkeypatch):
    real = folder._Run._write_documents

    def ended(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder._Run, "_write_documents", ended)
    with pytest.raises(KeyboardInterrupt):
        augment(channel, tmp_path / "out", TEN)
    monkeypatch.setattr(folder._Run, "_write_documents", real)
    cv2.imwrite(str(channel / "dog" / "p0.png"), photo(99))
    (channel / "dog" / "p2.png").unlink()
    (tmp_path / "out" / "cat" / "p1-04.jpg").unlink()
    assert augment(channel, tmp_path / "out", TEN).made == 20
    augment(channel, tmp_path / "whole", TEN)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["validation", "test"])
def test_an_image_that_judges_the_model_is_not_augmented(tmp_path, part):
    dataset = staged(tmp_path / "ds", boxed=False)
    judge = next((dataset / part).glob("*/*.png"))
    (dataset / "train" / "a" / "again.png").write_bytes(judge.read_bytes())
    with pytest.raises(DataError, match=f"is the same file as {part}/") as caught:
        augment(dataset, None, TEN)
    assert caught.value.value == "a/again.png"
    assert not list((dataset / "train" / "augmented" / "a").glob("again-*"))
    (dataset / "train" / "a" / "again.png").unlink()
    augment(dataset, None, TEN)
    with pytest.raises(DataError, match="never augmented"):
        augment(dataset / part, tmp_path / "out", TEN)


def test_what_cannot_be_augmented_is_named(channel, tmp_path):
    def refused(says: str, source: Path = channel, out: Path = tmp_path / "out", **more) -> None:
        with pytest.raises(DataError, match=says):
            augment(source, out, TEN, **more)

    refused("no such folder", source=tmp_path / "nowhere")
    refused("at least 1", jobs=0)
    refused("holds the images themselves", out=channel)
    (tmp_path / "empty").mkdir()
    refused("holds no images", source=tmp_path / "empty", out=tmp_path / "e")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "x.txt").write_text("years of work")
    refused("holds other files", out=tmp_path / "thesis")
    (channel / "dog" / "p0.jpg").write_bytes((channel / "dog" / "p0.png").read_bytes())
    refused("named as those of")
    (channel / "dog" / "p0.jpg").unlink()
    (channel / "dog" / "broken.png").write_bytes((channel / "dog" / "p0.png").read_bytes()[:40])
    refused("image = 'dog/broken.png'.*cannot be decoded", jobs=2)
    (channel / "dog" / "broken.png").write_bytes(b"")
    refused("image = 'dog/broken.png'.*cannot be decoded")


def test_only_one_run_writes_a_folder(channel, tmp_path):
    unfinished = tmp_path / "out" / folder.UNFINISHED
    unfinished.mkdir(parents=True)
    with (unfinished / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another augmentation"):
            augment(channel, tmp_path / "out", TEN)
    assert augment(channel, tmp_path / "out", TEN).made == 120


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"file": "../x.png"}, "without a folder"),
        ({"file": "none.png"}, "no such image"),
        ({"file": "x.png", "annotations": [{"class_id": 3}]}, "must have the numbers"),
    ],
)
def test_wrong_annotations_are_named(tmp_path, line, says):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "x.png"), photo(1))
    size = {"image_size": [{"width": 48, "height": 32, "depth": 3}], "annotations": []}
    (tmp_path / "in" / boxes.FILE).write_text(json.dumps(size | line) + "\n")
    with pytest.raises(DataError, match=says):
        augment(tmp_path / "in", tmp_path / "out", TEN)


@pytest.mark.parametrize(
    "arguments", [["--copies", "0"], ["--quality", "0"], ["--format", "gif"], ["--jobs", "-1"], ["--seed", "-1"]]
)
def test_wrong_arguments_exit_with_two(channel, tmp_path, arguments):
    with pytest.raises(SystemExit) as caught:
        command.main(["augment", "--source", str(channel), "--out", str(tmp_path / "out"), *arguments])
    assert caught.value.code == 2


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    def most(count: int) -> int:
        for number in range(count):
            path = tmp_path / str(count) / "a" / f"{number:06}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture)
        code = (
            "import resource, sys; from training.data.__main__ import main; main(sys.argv[1:]);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        arguments = ["augment", "--source", str(tmp_path / str(count)), "--out", str(tmp_path / f"out{count}")]
        run = [sys.executable, "-c", code, *arguments, "--copies", "2", "--jobs", "1"]
        said = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ).stdout
        return int(said.splitlines()[-1])

    picture = cv2.imencode(".png", photo(1))[1].tobytes()
    assert most(20_000) - most(500) < 10 * 1024  # KiB


def test_a_detector_learns_from_the_versions_too(tmp_path):
    dataset = staged(tmp_path / "ds", boxed=True)
    before = scenes.read_split(dataset / "train", ("car",), 32, 48)
    augment(dataset, None, Settings(copies=2))
    after = scenes.read_split(dataset / "train", ("car",), 32, 48)
    assert len(after.names) == 3 * len(before.names)
    assert len(scenes.truth(after)) == len(after.names)
