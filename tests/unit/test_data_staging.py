"""`python -m training.data stage`: SageMaker's layout, equal bytes for equal seeds, a remedy for what is wrong."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from data_support import part, stage, tree

from training.data import cifar, fetch, layout
from training.data.splits import SPLITS
from training.workloads.vehicles import drawings


def test_a_drawing_depends_on_its_seed_alone_and_the_kinds_differ():
    one, again, other = (drawings.draw("bicycle", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (32, 32, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, drawings.draw("motorcycle", np.random.default_rng(1)))


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Path:
    code, out = stage(tmp_path_factory.mktemp("staged"), "--per-class", "24")
    assert code == 0
    return out


def test_the_layout_is_sagemakers(staged):
    description = json.loads((staged / "dataset.json").read_text())
    assert description["source"] == "synthetic"
    assert description["synthetic"] is True
    assert description["classes"] == ["bicycle", "motorcycle"]
    assert (staged / "train" / "dataset.json").read_bytes() == (staged / "dataset.json").read_bytes()
    for name in SPLITS:
        lines = (staged / f"{name}.lst").read_text().splitlines()
        assert len(lines) == sum(description["counts"][name].values()) == len(list((staged / name).glob("*/*.png")))
        for index, text in enumerate(lines):
            number, label, path = text.split("\t")
            assert int(number) == index
            assert description["classes"][int(label)] == path.split("/")[0]
            image = cv2.imread(str(staged / name / path), cv2.IMREAD_UNCHANGED)
            assert image.shape == (32, 32, 3)
            assert "synthetic" in path


def test_every_file_is_in_the_checksum_list(staged):
    listed = layout.read_checksums(staged)
    found = {path: hashlib.sha256(content).hexdigest() for path, content in tree(staged).items()}
    del found[layout.CHECKSUMS]
    assert listed == found


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(staged, tmp_path):
    assert tree(stage(tmp_path, "--per-class", "24", out="again")[1]) == tree(staged)
    other = tree(stage(tmp_path, "--per-class", "24", "--seed", "8", out="other")[1])
    assert not {content for path, content in other.items() if path.endswith(".png")} & set(tree(staged).values())


def test_cifar_goes_through_the_same_code_as_the_drawings(tmp_path, monkeypatch):
    """Given an archive with other vehicles, evil names and a duplicate, only what was asked for comes out."""
    labels = [cifar.FINE_LABELS.index(name) for name in ("tank", "bus", "apple") * 20]
    names = ["../../escape.png", "/etc/passwd", "ok.png"] * 20
    train, test = part(labels, 1, names), part(labels[:30], 2)
    train.images[0] = test.images[0]
    archive = tmp_path / "cifar.tar.gz"
    cifar.write(archive, train, test)
    monkeypatch.setattr(cifar, "SHA256", fetch.sha256_of(archive))
    code, out = stage(tmp_path, "--classes", "tank,bus", "--archive", str(archive), source="cifar100")
    assert code == 0
    description = json.loads((out / "dataset.json").read_text())
    assert description["synthetic"] is False
    assert description["classes"] == ["tank", "bus"]
    assert description["duplicates_left_out"] == 1
    assert description["counts"]["test"] == {"tank": 10, "bus": 10}
    assert not (tmp_path / "escape.png").exists()
    images = list(out.rglob("*.png"))
    assert len(images) == 40 - 1 + 20
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+\.png", path.name) for path in images)


def test_digits_are_real_images_of_ten_classes(tmp_path):
    code, out = stage(tmp_path, "--per-class", "10", source="digits")
    assert code == 0
    description = json.loads((out / "dataset.json").read_text())
    assert description["synthetic"] is False
    assert description["classes"] == [str(digit) for digit in range(10)]
    assert {sum(counts.values()) for counts in description["counts"].values()} == {60, 20}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--source", "photos"], 2, "choose one of synthetic, cifar100, digits"),
        (["--classes", "bicycle,unicorn"], 2, "no 'unicorn'"),
        (["--classes", "bicycle"], 2, "two or more"),
        (["--classes", "bus,tank"], 2, "choose from bicycle, motorcycle"),
        (["--per-class", "2"], 2, "more images per class"),
        (["--bucket", "my-bucket"], 2, "s3://bucket"),
        (["--validation-share", "1.5"], 2, "between 0 and 1"),
        (["--source", "cifar100", "--archive", "/nowhere.tar.gz"], 1, "check --archive"),
    ],
)
def test_wrong_arguments_end_with_a_remedy(tmp_path, capsys, arguments, code, says):
    assert stage(tmp_path, *arguments)[0] == code
    assert says in capsys.readouterr().err
    assert not (tmp_path / "ds").exists()


@pytest.mark.parametrize("arguments", [["--per-class", "0"], ["--seed", "-1"], ["--nope"], ["--per-class", "x"]])
def test_arguments_that_cannot_be_read_exit_with_two(tmp_path, arguments):
    with pytest.raises(SystemExit) as caught:
        stage(tmp_path, *arguments)
    assert caught.value.code == 2


def test_offline_the_remedy_names_the_other_sources(tmp_path, capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.setattr(cifar, "URL", f"http://127.0.0.1:{closed}/cifar-100-python.tar.gz")
    assert stage(tmp_path, source="cifar100")[0] == 1
    said = capsys.readouterr().err
    assert "--source synthetic" in said
    assert "--source digits" in said
    assert "--archive" in said


def test_another_archive_than_the_published_one_is_not_called_cifar(tmp_path, capsys):
    cifar.write(tmp_path / "mine.tar.gz", part([8, 48, 8, 48], 1), part([8, 48], 2))
    assert stage(tmp_path, "--archive", str(tmp_path / "mine.tar.gz"), source="cifar100")[0] == 1
    assert "not the published CIFAR-100" in capsys.readouterr().err


def test_a_folder_with_other_files_is_left_alone(tmp_path, capsys):
    (tmp_path / "ds").mkdir()
    (tmp_path / "ds" / "thesis.txt").write_text("years of work")
    assert stage(tmp_path, "--per-class", "12")[0] == 2
    assert "dataset.json" in capsys.readouterr().err
    assert tree(tmp_path / "ds") == {"thesis.txt": b"years of work"}


def test_an_interrupted_run_leaves_the_old_dataset_and_nothing_else(tmp_path, monkeypatch):
    _, out = stage(tmp_path, "--per-class", "12")
    before = tree(out)
    calls = iter(range(10))

    def interrupted(image):
        if next(calls) == 9:
            raise KeyboardInterrupt
        return b"png"

    monkeypatch.setattr(layout, "_png", interrupted)
    assert stage(tmp_path, "--per-class", "14")[0] == 130
    assert tree(out) == before
    assert {path.name for path in tmp_path.iterdir()} == {"ds", "cache"}


def test_augmented_versions_are_staged_with_their_checksums(tmp_path, capsys):
    code, out = stage(tmp_path, "--per-class", "12", "--copies", "2")
    assert code == 0
    summary = json.loads(capsys.readouterr().out)
    trained = sum(summary["counts"]["train"].values())
    assert summary["augmented"] == {"copies": 2, "versions": 2 * trained}
    listed = layout.read_checksums(out)
    assert sum(path.startswith("train/augmented/") and path.endswith(".jpg") for path in listed) == 2 * trained
