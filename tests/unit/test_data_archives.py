"""CIFAR-100's archives: written and read back, and read without trusting them."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pickle
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from data_support import part
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.data import cifar
from training.errors import DataError
from training.workloads.vehicles import data


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"cifar-100-python/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def python2_pickle(images: np.ndarray, labels: list[int], names: list[str]) -> bytes:
    """The opcodes Python 2 and numpy 1 wrote: byte strings, `numpy.core.multiarray`, protocol 2."""

    def text(value: str) -> bytes:
        return b"U" + bytes([len(value)]) + value.encode()

    def numbers(values: list[int]) -> bytes:
        return b"](" + b"".join(b"K" + bytes([value]) for value in values) + b"e"

    rows = images.transpose(0, 3, 1, 2).reshape(len(labels), 3072).tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K"
    array += bytes([len(labels)]) + b"M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
    array += (
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + len(rows).to_bytes(4, "little")
        + rows
        + b"tb"
    )
    filenames = b"](" + b"".join(map(text, names)) + b"e"
    pairs = text("filenames") + filenames + text("fine_labels") + numbers(labels)
    return b"\x80\x02}(" + pairs + text("coarse_labels") + numbers(labels) + text("data") + array + b"u."


def meta() -> bytes:
    return pickle.dumps({b"fine_label_names": [name.encode() for name in cifar.FINE_LABELS]}, protocol=2)


def test_the_label_names_are_cifar_100s():
    assert len(cifar.FINE_LABELS) == 100
    assert list(cifar.FINE_LABELS) == sorted(cifar.FINE_LABELS)
    assert (cifar.FINE_LABELS[8], cifar.FINE_LABELS[48]) == ("bicycle", "motorcycle")
    assert len(cifar.COARSE_LABELS) == 20
    assert set(data.VEHICLES) <= set(cifar.FINE_LABELS)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(train=st.lists(st.integers(0, 99), max_size=6), test=st.lists(st.integers(0, 99), max_size=6))
def test_what_is_written_in_cifars_layout_is_read_back(tmp_path, train, test):
    path = tmp_path / "a.tar.gz"
    cifar.write(path, part(train, 1), part(test, 2))
    got = cifar.read(path)
    for wanted, found in ((part(train, 1), got.train), (part(test, 2), got.test)):
        assert np.array_equal(wanted.images, found.images)
        assert wanted.fine.tolist() == found.fine.tolist()
        assert wanted.names == found.names
    assert got.fine_labels == cifar.FINE_LABELS


def test_equal_images_give_equal_bytes(tmp_path):
    for name in ("a.tar.gz", "b.tar.gz"):
        cifar.write(tmp_path / name, part([8, 48], 1), part([8], 2))
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_pickles_of_python_2_are_read_as_cifar_100_has_them(tmp_path):
    images = part([8, 48], 5).images
    old = python2_pickle(images, [8, 48], ["bike_s_000001.png", "motorbike_s_000002.png"])
    archive = cifar.read(pack(tmp_path / "old.tar.gz", {"meta": meta(), "train": old, "test": old}))
    assert np.array_equal(archive.train.images, images)
    assert archive.train.fine.tolist() == [8, 48]
    assert archive.test.names == ["bike_s_000001.png", "motorbike_s_000002.png"]


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "evil",
    [
        lambda path: Evil(os.system, f"touch {path}"),
        lambda path: Evil(eval, f"open({str(path)!r}, 'w')"),
        lambda path: Evil(subprocess.call, ["touch", str(path)]),
        lambda path: Evil(np.fromfile, str(path)),
        lambda _: Evil(np.dtype, "O"),
        lambda path: np.array([Evil(os.system, f"touch {path}")], dtype=object),
    ],
    ids=["system", "eval", "subprocess", "numpy function", "object dtype", "object array"],
)
def test_a_pickle_that_wants_more_than_data_is_refused_and_not_run(tmp_path, evil):
    mark = tmp_path / "was-run"
    content = pickle.dumps({b"data": evil(mark)}, protocol=2)
    path = pack(tmp_path / "evil.tar.gz", {"meta": meta(), "train": content, "test": content})
    with pytest.raises(DataError, match="train cannot be read"):
        cifar.read(path)
    assert not mark.exists()


def good_archive(path: Path) -> bytes:
    cifar.write(path, part([8, 48, 8, 48], 1), part([8, 48], 2))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content[: len(content) // 2], "corrupt"),
        (lambda content: content[:-4], "corrupt"),
        (lambda _: b"not an archive", "corrupt"),
        (lambda _: b"", "corrupt|holds no"),
        (lambda _: gzip.compress(b"not a tar"), "corrupt"),
    ],
    ids=["half", "no trailer", "text", "empty", "gzip of text"],
)
def test_a_corrupt_archive_is_named_with_a_remedy(tmp_path, damage, says):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(damage(good_archive(path)))
    with pytest.raises(DataError, match=says) as caught:
        cifar.read(path)
    assert "--archive" in caught.value.remedy


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(at=st.floats(0, 0.999), value=st.integers(1, 255))
def test_a_flipped_byte_is_survived_or_explained(tmp_path, at, value):
    path = tmp_path / "a.tar.gz"
    content = bytearray(good_archive(path))
    content[int(at * len(content))] ^= value
    path.write_bytes(content)
    # DataError or the very same pictures (a changed date, say): gzip's checksum covers the rest.
    with contextlib.suppress(DataError):
        assert np.array_equal(cifar.read(path).train.images, part([8, 48, 8, 48], 1).images)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([1], "instead of a dictionary"),
        ({b"filenames": [b"a"]}, "has no 'data'"),
        (
            {b"filenames": [b"a"], b"data": np.zeros((1, 100), np.uint8), b"fine_labels": [1], b"coarse_labels": [1]},
            "3072 bytes",
        ),
        (
            {
                b"filenames": [b"a"],
                b"data": np.zeros((1, 3072), np.uint8),
                b"fine_labels": [100],
                b"coarse_labels": [1],
            },
            "outside 0 to 99",
        ),
        (
            {
                b"filenames": [b"a"],
                b"data": np.zeros((1, 3072), np.uint8),
                b"fine_labels": ["x"],
                b"coarse_labels": [1],
            },
            "two labels",
        ),
    ],
)
def test_a_pickle_of_another_shape_is_explained(tmp_path, document, says):
    content = pickle.dumps(document, protocol=2)
    path = pack(tmp_path / "a.tar.gz", {"meta": meta(), "train": content, "test": content})
    with pytest.raises(DataError, match=says):
        cifar.read(path)


def test_links_and_missing_members_are_refused(tmp_path):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("cifar-100-python/meta")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(DataError, match=r"no plain file|corrupt"):
        cifar.read(path)
    with pytest.raises(DataError, match="holds no cifar-100-python/train"):
        cifar.read(pack(path, {"meta": meta()}))
    with pytest.raises(DataError, match="no such file"):
        cifar.read(tmp_path / "nowhere.tar.gz")
