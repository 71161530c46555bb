"""Where the dogs come from: the breeds' traits, drawings, and photographs a user has."""

from __future__ import annotations

import zipfile
from dataclasses import astuple
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data import places
from training.errors import DataError
from training.workloads import spec
from training.workloads.dogs import breeds, data, drawings, photographs

TWO = ("Beagle", "Poodle")


def picture(suffix: str = ".jpg", size: tuple[int, int] = (90, 120)) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Two breeds in the data set's layout, as a Mac would have zipped it."""
    for part, count in (("train", 3), ("valid", 1), ("test", 2)):
        for number, name in (("016", "Beagle"), ("124", "Poodle")):
            folder = tmp_path / "dogImages" / part / f"{number}.{name}"
            folder.mkdir(parents=True)
            for index in range(count):
                (folder / f"{name}_{part}{index}.jpg").write_bytes(picture())
    shadow = tmp_path / "__MACOSX" / "train" / "016.Beagle"
    shadow.mkdir(parents=True)
    (shadow / "._Beagle.jpg").write_bytes(b"resource fork")
    return tmp_path


def test_the_breeds_are_133_and_no_two_look_alike() -> None:
    table = breeds.breeds()
    assert tuple(table) == spec.load("dogs").data.classes
    assert len({astuple(traits) for traits in table.values()}) == 133
    words = (breeds.LEGS, breeds.BODIES, breeds.EARS, breeds.MUZZLES, breeds.TAILS, breeds.COATS, breeds.PATTERNS)
    for name, traits in table.items():
        assert breeds.SIZES[0] <= traits.size <= breeds.SIZES[1], name
        for word, known in zip(astuple(traits)[1:], (*words, breeds.COLOURS, breeds.COLOURS), strict=True):
            assert word in known, name


def test_invented_dogs_are_none_of_the_breeds() -> None:
    made = breeds.invented(300, np.random.default_rng(2))
    assert len(set(map(astuple, made))) == 300
    assert not set(map(astuple, made)) & {astuple(traits) for traits in breeds.breeds().values()}


def test_a_drawing_depends_on_its_seed_and_its_breed_alone() -> None:
    beagle, poodle = (breeds.breeds()[name] for name in TWO)
    one, again, other = (drawings.draw(beagle, np.random.default_rng(seed), 64) for seed in (1, 1, 2))
    assert one.shape == (64, 64, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, drawings.draw(poodle, np.random.default_rng(1), 64))


@pytest.mark.parametrize("field", ["ears", "tail", "coat", "pattern", "muzzle", "legs", "body", "size", "colour"])
def test_every_trait_shows(field: str) -> None:
    """Two dogs that differ in one trait alone, drawn with the same random choices, differ."""
    base = {"size": 3, "legs": "normal", "body": "normal", "ears": "drop", "muzzle": "medium", "tail": "straight"}
    base |= {"coat": "smooth", "pattern": "solid", "colour": "tan", "second": "white"}
    other = {"ears": "prick", "tail": "curl", "coat": "wire", "pattern": "mask", "muzzle": "flat", "legs": "short"}
    other |= {"body": "stocky", "size": 1, "colour": "black"}
    pair = [
        drawings.draw(breeds.Traits(**one), np.random.default_rng(6)) for one in (base, base | {field: other[field]})
    ]
    assert np.abs(pair[0].astype(int) - pair[1]).max() > 40


def test_a_larger_sample_of_drawings_begins_with_the_smaller_one() -> None:
    few, many = data.pictures(TWO, 2, 7), data.pictures(TWO, 3, 7)
    assert np.array_equal(many[:4], few)
    assert not np.array_equal(few[0], few[2])


@pytest.mark.parametrize("zipped", [False, True])
def test_photographs_come_from_a_folder_or_an_archive_with_their_own_test_set(album: Path, zipped: bool) -> None:
    if zipped:
        with zipfile.ZipFile(album / "dogImages.zip", "w") as archive:
            for path in sorted(album.rglob("*.jpg")):
                archive.write(path, path.relative_to(album))
    where = album / "dogImages.zip" if zipped else album
    records = data.load("dogimages", classes=TWO, per_class=None, seed=7, cache=album / "cache", archive=where)
    assert records.images.shape == (12, photographs.SIDE, photographs.SIDE, 3)
    assert records.is_test is not None
    assert records.is_test.sum() == 4
    assert np.bincount(records.labels).tolist() == [6, 6]
    assert records.synthetic is False
    assert records.extras == {}


def test_weights_beside_the_photographs_become_the_datasets(album: Path) -> None:
    (album / "weights").mkdir()
    (album / "weights" / "resnet50.pth").write_bytes(b"a state dict")
    records = photographs.load(places.find(str(album)), TWO)
    assert records.extras == {"weights/resnet50.pth": b"a state dict"}


def test_a_photograph_is_turned_as_its_exif_says_and_shown_in_rgb() -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40] = (0, 0, 255)  # OpenCV writes BGR: the left half is red
    plain = cv2.imencode(".jpg", pixels)[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    turned = plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:]
    still, quarter = photographs.decode("a.jpg", plain), photographs.decode("b.jpg", turned)
    assert still[128, 40].argmax() == 0
    assert (still[128, 40].max() > 200, still[128, 220].max() < 60) == (True, True)
    # Orientation 6: what was on the left is on top.
    assert (quarter[40, 128].max() > 200, quarter[220, 128].max() < 60) == (True, True)


@pytest.mark.parametrize("content", [b"", b"GIF89a", picture()[:200]])
def test_a_photograph_that_is_damaged_is_named(album: Path, content: bytes) -> None:
    (album / "dogImages" / "train" / "016.Beagle" / "broken.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.jpg"):
        photographs.load(places.find(str(album)), TWO)


def test_folders_that_do_not_fit_are_named(album: Path) -> None:
    with pytest.raises(DataError, match="has no picture of Akita"):
        photographs.load(places.find(str(album)), (*TWO, "Akita"))
    with pytest.raises(DataError, match="holds no picture in train"):
        photographs.load(places.find(str(album / "dogImages" / "train")), TWO)
    (album / "dogImages" / "train" / "016.Beagle").rename(album / "dogImages" / "train" / "016.Cat")
    with pytest.raises(DataError, match="no breed's"):
        photographs.load(places.find(str(album)), TWO)


@pytest.mark.parametrize(
    ("source", "classes", "reason"),
    [
        ("dogimages", None, "--archive"),
        ("synthetic", ("Beagle", "Wolf"), "no breed 'Wolf'"),
        ("synthetic", ("Beagle",), "two or more"),
        ("synthetic", ("Beagle", "Beagle"), "two or more"),
    ],
)
def test_wrong_choices_are_explained(tmp_path: Path, source: str, classes: tuple[str, ...], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        data.load(source, classes=classes, per_class=2, seed=7, cache=tmp_path)
