"""Radiographs: drawn ones, and those a user has, with all that can be wrong with them."""

from __future__ import annotations

import json
import tarfile
import zipfile

import cv2
import numpy as np
import pytest

from training.data.__main__ import main
from training.data.places import Bucket, find
from training.errors import DataError, TrainingError
from training.learning.calibration.ranking import auroc
from training.workloads import spec
from training.workloads.pneumonia import data, patients, radiographs
from training.workloads.pneumonia.anatomy import patient
from training.workloads.pneumonia.drawings import draw


@pytest.fixture(scope="module")
def drawings():
    return data.drawn(27, 1)


# --- drawings -------------------------------------------------------------------------------------


def test_equal_seeds_draw_equal_pictures_and_a_larger_sample_begins_with_the_smaller():
    small, again, large = data.drawn(4, 3), data.drawn(4, 3), data.drawn(6, 3)
    assert (small.images == again.images).all()
    assert small.names[:4] == large.names[:4]
    assert (small.images[:4] == large.images[:4]).all()
    assert (data.drawn(4, 4).images != small.images).any()


def test_the_rarer_class_is_a_third_and_patients_have_several_pictures(drawings):
    records = drawings
    assert np.bincount(records.labels).tolist() == [27, 9]
    assert records.images.shape == (36, 128, 128, 1)
    assert records.synthetic
    groups = np.unique(records.groups, return_counts=True)[1]
    assert groups.max() > 1
    assert groups.max() <= data.MOST_PICTURES
    assert len({(group, label) for group, label in zip(records.groups, records.labels, strict=True)}) == len(groups)
    assert patients.of(records.names) == records.groups


def test_a_patient_looks_alike_in_two_pictures_and_not_like_another():
    """After taking away what all pictures share, two of one patient are nearer to each other than two of two."""
    shots = np.array(
        [
            [
                cv2.resize(draw(patient(False, (5, k)), "pa", "a", np.random.default_rng((k, s))), (24, 24))
                for s in (0, 1)
            ]
            for k in range(10)
        ],
        float,
    )
    shots -= shots.mean((0, 1))
    same = np.abs(shots[:, 0] - shots[:, 1]).mean()
    other = np.abs(shots[:, 0] - np.roll(shots[:, 1], 1, axis=0)).mean()
    assert same < 0.9 * other


def test_opacities_make_the_lungs_denser_and_the_classes_overlap():
    """A crude measure (brightness of the lungs) tells the classes apart better than chance, and far from always."""
    brightness, ill = [], []
    for label in (False, True):
        for k in range(25):
            picture = draw(patient(label, (9, k, int(label))), "pa", "a", np.random.default_rng((k, int(label))))[
                ..., 0
            ]
            brightness.append(np.mean([picture[45:90, 25:50].mean(), picture[45:90, 80:105].mean()]) / picture.mean())
            ill.append(label)
    assert 0.6 < auroc(np.array(brightness), np.array(ill)) < 0.97


def test_the_drawn_subgroups_are_told_by_the_name(drawings):
    told = [patients.traits(name) for name in drawings.names]
    assert {found["view"] for found in told} == {"pa", "ap"}
    assert {found["site"] for found in told} == {"a", "b"}
    assert patients.traits("person1__person1_virus_6.png") == {}


def test_staging_keeps_patients_apart_and_says_synthetic(tmp_path, capsys):
    arguments = ["--per-class", "36", "--validation-share", "0.4", "--test-share", "0.3", "--seed", "2"]
    assert main(["stage", "--workload", "pneumonia", "--out", str(tmp_path / "set"), *arguments]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["synthetic"] is True
    who = {
        part: patients.of(path.name for path in (tmp_path / "set" / part).rglob("*.png"))
        for part in ("train", "validation", "test")
    }
    assert sum(map(len, who.values())) == 48
    patients.refuse_shared(who)
    image = cv2.imread(str(next((tmp_path / "set" / "train").rglob("*.png"))), cv2.IMREAD_UNCHANGED)
    assert image.shape == (128, 128)


# --- names and patients ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("person1_bacteria_1", ("person1", True)),
        ("person1_virus_6", ("person1", True)),
        ("IM-0115-0001", ("im115", False)),
        ("IM-0669-0001-0002", ("im669", False)),
        ("NORMAL2-IM-0115-0001", ("im115", False)),
        ("BACTERIA-1008087-0001", ("id1008087", True)),
        ("VIRUS-1008087-0002", ("id1008087", True)),
        ("NORMAL-1008087-0001", ("id1008087", False)),
        ("00000003_000", ("nih3", None)),
        ("scan", None),
        ("person_virus_6", None),
    ],
)
def test_the_public_sets_names_tell_the_patient(name, expected):
    assert patients.parse(name) == expected


def test_a_patient_in_two_splits_is_refused_by_name():
    with pytest.raises(TrainingError, match=r"patient = 'p7': has pictures in train and in test"):
        patients.refuse_shared({"train": ["p1", "p7"], "validation": ["p2"], "test": ["p3", "p7"]})
    patients.refuse_shared({"train": ["p1", "p1"], "test": ["p2"]})


def test_a_name_without_a_patient_is_refused():
    with pytest.raises(TrainingError, match="stage the data with this workload"):
        patients.of(["normal/scan.png"])


# --- a user's own ---------------------------------------------------------------------------------


def picture(level, kind=np.uint8, suffix=".jpeg", shape=(300, 260)):
    ramp = np.linspace(level, level + 90, shape[0] * shape[1]).reshape(shape)
    return cv2.imencode(suffix, ramp.astype(kind))[1].tobytes()


PUBLIC = {
    "train/NORMAL/IM-0115-0001.jpeg": 10,
    "train/NORMAL/NORMAL2-IM-0115-0001.jpeg": 20,
    "train/PNEUMONIA/person1_bacteria_1.jpeg": 30,
    "train/PNEUMONIA/person2_virus_3.jpeg": 40,
    "val/NORMAL/NORMAL2-IM-1427-0001.jpeg": 50,
    "val/PNEUMONIA/person1946_bacteria_4874.jpeg": 60,
    "test/NORMAL/IM-0001-0001.jpeg": 70,
    "test/PNEUMONIA/person1_virus_6.jpeg": 80,
}


@pytest.fixture
def public(tmp_path):
    """The public layout, with what an archive made on a Mac holds beside it."""
    for name, level in PUBLIC.items():
        path = tmp_path / "chest_xray" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(level))
    (tmp_path / "chest_xray" / "train" / ".DS_Store").write_bytes(b"x")
    shadow = tmp_path / "chest_xray" / "__MACOSX" / "train" / "NORMAL"
    shadow.mkdir(parents=True)
    (shadow / "._IM-0115-0001.jpeg").write_bytes(b"x")
    return tmp_path / "chest_xray"


def load(place, **changes):
    return data.load(
        "radiographs", **({"classes": None, "per_class": None, "seed": 1, "cache": None} | changes), archive=place
    )


def same(one, other):
    order, others = np.argsort(one.names), np.argsort(other.names)
    assert [one.names[k] for k in order] == [other.names[k] for k in others]
    assert (one.images[order] == other.images[others]).all()
    assert (one.labels[order] == other.labels[others]).all()


def test_the_public_layout_is_pooled_by_patient(public):
    records = load(public)
    assert (len(records.names), records.is_test, records.synthetic) == (8, None, False)
    assert records.images.shape[1:] == (radiographs.SIDE, radiographs.SIDE, 1)
    assert np.bincount(records.labels).tolist() == [4, 4]
    # The same number in train and test, and in both series of healthy ones, counts as one patient.
    assert sorted(set(records.groups)) == ["im1", "im115", "im1427", "person1", "person1946", "person2"]
    assert patients.of(records.names) == records.groups


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_is_read_like_its_folder(public, tmp_path, kind):
    path = tmp_path / f"archive.{kind}"
    files = [file for file in public.rglob("*") if file.is_file()]
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                for prefix in ("chest_xray", "chest_xray/chest_xray"):  # Kaggle's archive holds the layout twice
                    archive.write(file, f"{prefix}/{file.relative_to(public)}")
    else:
        with tarfile.open(path, "w:gz") as archive:
            for file in files:
                archive.add(file, f"chest_xray/{file.relative_to(public)}")
    same(load(path), load(public))


class Client:
    """S3, as far as reading needs it: pages of keys, and objects."""

    def __init__(self, folder):
        self.files = {
            f"sets/{file.relative_to(folder).as_posix()}": file for file in folder.rglob("*") if file.is_file()
        }

    def get_paginator(self, name):
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket, Prefix):  # noqa: N803  botocore's names
        assert Bucket == "scans"
        keys = [key for key in sorted(self.files) if key.startswith(Prefix)]
        for first in range(0, len(keys), 3):
            yield {
                "Contents": [{"Key": key, "Size": self.files[key].stat().st_size} for key in keys[first : first + 3]]
            }

    def get_object(self, Bucket, Key):  # noqa: N803
        assert Bucket == "scans"
        return {"Body": self.files[Key].open("rb")}


def test_a_prefix_in_s3_is_read_like_its_folder(public):
    same(radiographs.load(Bucket(Client(public), "scans", "sets")), load(public))


def test_s3_that_cannot_be_listed_is_explained():
    with pytest.raises(DataError, match=r"archive = 's3://scans/sets': cannot be listed"):
        Bucket(None, "scans", "sets")


def test_other_names_need_a_list_of_patients(public):
    (public / "train" / "NORMAL" / "scan.jpeg").write_bytes(picture(90))
    with pytest.raises(DataError, match=r"train/NORMAL/scan\.jpeg.*patients\.csv"):
        load(public)
    (public / "patients.csv").write_text("file,patient\nscan.jpeg,Jo/hn 7\n")
    assert "Jo-hn-7__scan.png" in load(public).names
    (public / "patients.csv").write_text("picture,patient\nscan.jpeg,7\n")
    with pytest.raises(DataError, match="needs the columns file and patient"):
        load(public)


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("train/scan.jpeg", picture(5), "lie in no class's folder"),
        ("train/COVID/person9_virus_1.jpeg", picture(5), "is of class 'COVID'"),
        ("train/NORMAL/person9_virus_1.jpeg", picture(5), "named like the other class"),
        ("train/PNEUMONIA/IM-0999-0001.jpeg", picture(5), "named like the other class"),
        ("train/PNEUMONIA/person9_virus_1.jpeg", picture(10), "same picture as .*in another class"),
        ("train/NORMAL/IM-0999-0001.jpeg", b"", "is no PNG or JPEG"),
        ("train/NORMAL/IM-0999-0001.jpeg", picture(5)[:900], "is no PNG or JPEG"),
        ("train/NORMAL/IM-0999-0001.png", picture(900, np.uint16, ".png"), "16 bits per pixel; apply its DICOM window"),
        (
            "train/NORMAL/IM-0999-0001.png",
            cv2.imencode(".png", np.full((90, 90), 44, np.uint8))[1].tobytes(),
            "shows nothing: all pixels are about 44",
        ),
    ],
)
def test_bad_pictures_are_named_with_the_reason(public, path, content, reason):
    (public / path).parent.mkdir(exist_ok=True)
    (public / path).write_bytes(content)
    with pytest.raises(DataError, match=reason) as raised:
        load(public)
    assert path in str(raised.value)


def test_colour_alpha_and_size_do_not_matter(public):
    grey = np.tile(np.linspace(0, 255, 600, dtype=np.uint8), (500, 1))
    for name, kind in (("IM-0801-0001", cv2.COLOR_GRAY2BGR), ("IM-0802-0001", cv2.COLOR_GRAY2BGRA)):
        pixels = cv2.cvtColor(grey[:, : 500 if name.endswith("1-0001") else 600], kind)
        (public / "val" / "NORMAL" / f"{name}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    assert len(load(public).names) == 10


def test_where_nothing_lies_is_explained(tmp_path):
    with pytest.raises(DataError, match="--archive"):
        load(None)
    with pytest.raises(DataError, match="there is no such folder"):
        load(tmp_path / "none")
    with pytest.raises(DataError, match="holds no picture"):
        load(tmp_path)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(DataError, match="neither a folder nor"):
        find(str(tmp_path / "text"))
    with pytest.raises(DataError, match="cannot be changed"):
        load(tmp_path, classes=("normal", "ill"))


def test_the_workload_is_whole():
    workload = spec.load("pneumonia")
    assert workload.data.image.channels == 1
    assert workload.data.classes == radiographs.CLASSES
    assert "not a medical device" in workload.description.lower()
