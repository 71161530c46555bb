"""A user's own images for any workload: by folders, by a table, with boxes; and what is refused."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import boto3
import cv2
import numpy as np
import pytest
from data_support import aws, stage, tree
from moto import mock_aws
from PIL import Image

from training.data import boxes, folders, places
from training.data.records import Box
from training.errors import DataError

CLASSES = ("dog", "cat")
SIZE = folders.Size(24, 32, 3)


def photo(seed: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return cv2.resize(np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8), size)


def put(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


@pytest.fixture
def photos(tmp_path) -> Path:
    for number in range(40):
        put(tmp_path / "mine" / CLASSES[number % 2] / f"{number:02}.png", photo(number))
    return tmp_path / "mine"


def load(folder: Path | str, **more):
    return folders.load(places.find(str(folder)), CLASSES, more.pop("size", SIZE), **more)


def test_class_folders_are_squeezed_to_one_size(photos):
    records = load(photos)
    assert records.images.shape == (40, 24, 32, 3)
    assert not records.synthetic
    assert records.groups is records.is_test is records.boxes is None
    for image, label, name in zip(records.images, records.labels, records.names, strict=True):
        folder, number = name.removesuffix(".png").split("-")
        assert folder == CLASSES[label]
        wanted = cv2.resize(photo(int(number)), (32, 24), interpolation=cv2.INTER_AREA)[:, :, ::-1]
        assert np.array_equal(image, wanted)


def test_grey_is_read_for_models_that_take_grey(photos):
    records = load(photos, size=folders.Size(48, 64, 1))
    wanted = cv2.imread(str(photos / "cat" / "01.png"), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(records.images[records.names.index("cat-01.png")][:, :, 0], wanted)


def test_an_image_is_read_upright(tmp_path):
    orientation = Image.Exif()
    orientation[274] = 6
    for name in CLASSES:
        (tmp_path / name).mkdir()
    Image.fromarray(photo(1)).save(tmp_path / "dog" / "x.jpg", exif=orientation, quality=95)
    put(tmp_path / "cat" / "y.png", photo(2))
    records = load(tmp_path, size=folders.Size(64, 48, 3))
    turned = np.rot90(photo(1), -1)
    assert np.abs(records.images[1].astype(int) - turned).mean() < 3


def test_the_users_own_test_images_stay_test_images(tmp_path):
    for part, first in (("train", 0), ("valid", 10), ("test", 20)):
        for number in range(first, first + 10):
            put(tmp_path / part / CLASSES[number % 2] / f"{number}.png", photo(number))
    records = load(tmp_path)
    assert [name.startswith("test-") for name in records.names] == records.is_test.tolist()
    assert records.is_test.sum() == 10


def test_a_table_says_label_group_and_split(tmp_path):
    rows = ["file,label,group,split"]
    for number in range(12):
        put(tmp_path / "all" / f"{number}.png", photo(number))
        rows.append(f"all/{number}.png,{CLASSES[number % 2]},p{number // 3},{'test' if number < 6 else ''}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    records = load(tmp_path)
    numbers = [int(name.removesuffix(".png").split("-")[1]) for name in records.names]
    assert records.labels.tolist() == [number % 2 for number in numbers]
    assert records.groups == tuple(f"p{number // 3}" for number in numbers)
    assert records.is_test.tolist() == [number < 6 for number in numbers]


def annotate(folder: Path, *rows: tuple[str, tuple[int, int], list[Box]]) -> None:
    folder.mkdir(exist_ok=True)
    text = "".join(boxes.line(name, *size, 3, shown) + "\n" for name, size, shown in rows)
    (folder / boxes.FILE).write_text(text)


def test_boxes_are_scaled_with_their_images(tmp_path):
    annotate(tmp_path, ("a.png", (64, 48), [Box(1, 8, 12, 64, 48)]), ("b.png", (32, 24), []))
    put(tmp_path / "a.png", photo(1))
    put(tmp_path / "b.png", photo(2, (32, 24)))
    put(tmp_path / "without-a-line.png", photo(3))
    records = load(tmp_path, boxed=True)
    assert records.boxes == ((Box(1, 4, 6, 32, 24),), ())
    assert records.labels.tolist() == [1, 0]


def test_many_images_wait_on_disk(photos, monkeypatch):
    wanted = load(photos).images
    monkeypatch.setattr(folders, "MOST_IN_MEMORY", 1000)
    found = load(photos).images
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize("where", ["zip", "s3"])
def test_archives_and_buckets_are_read_like_folders(photos, tmp_path, monkeypatch, where):
    wanted = load(photos)
    files = tree(photos)
    if where == "zip":
        with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
            for path, body in files.items():
                archive.writestr(path, body)
        found = load(tmp_path / "mine.zip")
    else:
        aws(monkeypatch)
        with mock_aws():
            client = boto3.client("s3")
            client.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            for path, body in files.items():
                client.put_object(Bucket="data", Key=f"pets/{path}", Body=body)
            found = load("s3://data/pets")
    assert np.array_equal(found.images, wanted.images)
    assert found.names == wanted.names


def test_any_workload_stages_a_users_folder(photos, tmp_path, capsys):
    arguments = ["--archive", str(photos), "--classes", "dog,cat", "--per-class", "12"]
    code, out = stage(tmp_path, *arguments, source="folder")
    assert code == 0
    said = json.loads((out / "dataset.json").read_text())
    assert (said["source"], said["synthetic"], said["classes"]) == ("folder", False, ["dog", "cat"])
    assert sum(sum(counts.values()) for counts in said["counts"].values()) == 24
    assert stage(tmp_path, source="folder")[0] == 2
    assert "must name the folder" in capsys.readouterr().err


def cut(folder: Path) -> None:
    body = io.BytesIO()
    Image.fromarray(photo(1)).save(body, "JPEG")
    (folder / "dog" / "cut.jpg").write_bytes(body.getvalue()[:300])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: put(folder / "loose.png", photo(1)), "loose.png.*lies in no class's folder"),
        (lambda folder: put(folder / "fox" / "x.png", photo(1)), "is of class 'fox'; the classes are dog, cat"),
        (cut, r"dog/cut.jpg.*breaks off"),
        (lambda folder: (folder / "dog" / "0.png").write_bytes(b""), "empty"),
        (lambda folder: (folder / "dog" / "0.png").write_bytes(b"GIF89a"), "no whole PNG or JPEG"),
        (lambda folder: (folder / "labels.csv").write_text("file,label\ngone.png,dog\n"), "gone.png.*no image"),
        (
            lambda folder: (folder / "labels.csv").write_text("file,label\ndog/00.png,dog\n"),
            "has no label in labels.csv",
        ),
    ],
)
def test_what_cannot_be_staged_is_named(photos, spoil, says):
    spoil(photos)
    with pytest.raises(DataError, match=says):
        load(photos)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("a.png", (32, 24), [Box(0, 1, 1, 9, 9)]), "image_size of a.png = '32x24': is 64x48 when looked at upright"),
        (("b.png", (64, 48), []), "b.png.*have no image"),
        (("a.png", (64, 48), [Box(0, 1, 1, 65, 9)]), "must lie inside its image"),
        (("a.png", (64, 48), [Box(2, 1, 1, 9, 9)]), "class number from 0 to 1"),
    ],
)
def test_boxes_that_do_not_fit_are_named(tmp_path, row, says):
    annotate(tmp_path, row)
    put(tmp_path / "a.png", photo(1))
    with pytest.raises(DataError, match=says):
        load(tmp_path, boxed=True)


def test_empty_places_are_named(tmp_path):
    with pytest.raises(DataError, match="holds no images"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"has no annotations\.jsonl"):
        load(tmp_path, boxed=True)
