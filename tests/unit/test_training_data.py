"""Staging: reading archives without trusting them, downloading, splitting, laying out, uploading."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import pickle
import re
import subprocess
import tarfile
import threading
from pathlib import Path

import boto3
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from training.data import __main__ as command
from training.data import cifar, fetch, layout, upload
from training.data.records import Records
from training.data.splits import SPLITS, Shares, split
from training.errors import DataError
from training.workloads.vehicles import data, drawings

# --- archives -----------------------------------------------------------------------------------


def part(labels: list[int], seed: int = 0, names: list[str] | None = None) -> cifar.Part:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (len(labels), 32, 32, 3), np.uint8)
    coarse = np.full(len(labels), cifar.COARSE_LABELS.index("vehicles_1"))
    return cifar.Part(images, np.array(labels), coarse, names or [f"pic_{seed}_{k}.png" for k in range(len(labels))])


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


# --- download -----------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 2000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Home(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; /cut breaks off in the middle, /plain knows no ranges, /long sends too much."""

    asked: list[str | None]

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.path != "/plain" else 0
        body = CONTENT[start:]
        if self.path == "/cut" and len(self.server.asked) == 1:
            body = body[: len(body) // 2]
        if self.path == "/long":
            body += b"!"
        self.send_response(206 if start else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def home():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Home)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def get(home, path: str, target: Path, **changes):
    wanted = {"sha256": DIGEST, "size": len(CONTENT), "remedy": "Use --source digits."} | changes
    return fetch.fetch(f"http://127.0.0.1:{home.server_port}{path}", target, **wanted)


def test_a_download_arrives_whole_and_is_not_repeated(home, tmp_path):
    seen = []
    target = tmp_path / "deep" / "file"
    get(home, "/", target, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    get(home, "/", target)
    assert home.asked == [None]


@pytest.mark.parametrize("path", ["/cut", "/plain"])
def test_a_broken_download_goes_on_where_it_stopped(home, tmp_path, path):
    target = tmp_path / "file"
    if path == "/cut":
        with pytest.raises(DataError, match="broke off"):
            get(home, path, target)
        assert not target.exists()
    else:
        (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    get(home, path, target)
    assert target.read_bytes() == CONTENT
    assert home.asked[-1] == f"bytes={len(CONTENT) // 2 if path == '/cut' else 1000}-"


def test_the_wrong_bytes_are_not_kept(home, tmp_path):
    target = tmp_path / "file"
    with pytest.raises(DataError, match="nothing was kept") as caught:
        get(home, "/", target, sha256="0" * 64)
    assert DIGEST in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_file_is_fetched_again(home, tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"x" * len(CONTENT))
    get(home, "/", target)
    assert target.read_bytes() == CONTENT


def test_more_than_was_announced_is_refused(home, tmp_path):
    with pytest.raises(DataError, match="more than the"):
        get(home, "/long", tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_only_web_addresses_are_fetched(tmp_path):
    with pytest.raises(DataError, match="https or http"):
        fetch.fetch("file:///etc/passwd", tmp_path / "x", sha256="", size=1, remedy="")


# --- drawings and splits ------------------------------------------------------------------------


def test_a_drawing_depends_on_its_seed_alone_and_the_kinds_differ():
    one, again, other = (drawings.draw("bicycle", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (32, 32, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, drawings.draw("motorcycle", np.random.default_rng(1)))


def records(labels: list[int], contents: list[int], tests: list[bool] | None) -> Records:
    images = np.zeros((len(labels), 8, 8, 3), np.uint8)
    images[:] = np.array(contents, np.uint8).reshape(-1, 1, 1, 1)
    flags = None if tests is None else np.array(tests)
    return Records(images, np.array(labels), ["x.png"] * len(labels), flags, ("a", "b"), "made", True)


@given(st.data(), st.integers(0, 99))
def test_no_image_stands_in_two_splits(draw, seed):
    count = draw.draw(st.integers(20, 60))
    contents = draw.draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    tests = draw.draw(st.none() | st.lists(st.booleans(), min_size=count, max_size=count))
    given_records = records([k % 2 for k in range(count)], contents, tests)
    try:
        parts, duplicates = split(given_records, Shares(), seed)
    except DataError:
        return  # so few distinct images that a split would lack a class
    seen = {name: {contents[at] for at in parts[name]} for name in SPLITS}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]
    assert sum(map(len, parts.values())) == len(set(contents)) == count - duplicates
    if tests is not None:
        testing = {content for content, flag in zip(contents, tests, strict=True) if flag}
        assert seen["test"] == testing
    again, _ = split(given_records, Shares(), seed)
    assert all(np.array_equal(parts[name], again[name]) for name in SPLITS)


def test_per_class_bounds_every_class():
    given_records = records([k % 2 for k in range(100)], list(range(100)), None)
    parts, _ = split(given_records, Shares(per_class=20), seed=1)
    chosen = np.concatenate(list(parts.values()))
    assert np.bincount(given_records.labels[chosen]).tolist() == [20, 20]
    with pytest.raises(DataError, match="more images per class"):
        split(given_records, Shares(per_class=1), seed=1)


# --- staging ------------------------------------------------------------------------------------


def stage(tmp_path: Path, *arguments: str, source: str = "synthetic", out: str = "ds") -> tuple[int, Path]:
    base = ["stage", "--workload", "vehicles", "--source", source, "--out", str(tmp_path / out)]
    return command.main([*base, "--cache", str(tmp_path / "cache"), *arguments]), tmp_path / out


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Path:
    code, out = stage(tmp_path_factory.mktemp("staged"), "--per-class", "24")
    assert code == 0
    return out


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


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


def test_offline_the_remedy_names_the_other_sources(tmp_path, capsys, monkeypatch, home):
    closed = home.server_port
    home.server_close()
    monkeypatch.setattr(cifar, "URL", f"http://127.0.0.1:{closed}/cifar-100-python.tar.gz")
    assert stage(tmp_path, source="cifar100")[0] == 1
    said = capsys.readouterr().err
    assert "--source synthetic" in said
    assert "--source digits" in said
    assert "--archive" in said


def test_another_archive_than_the_published_one_is_not_called_cifar(tmp_path, capsys):
    good_archive(tmp_path / "mine.tar.gz")
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


# --- upload -------------------------------------------------------------------------------------


@pytest.fixture
def bucket(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def contents(client, prefix: str = "vehicles/dataset/") -> dict[str, bytes]:
    found = [item["Key"] for item in client.list_objects_v2(Bucket="data").get("Contents", [])]
    bodies = {key: client.get_object(Bucket="data", Key=key)["Body"].read() for key in found}
    return {key.removeprefix(prefix): body for key, body in bodies.items()}


def test_an_upload_is_the_folder_and_a_second_sends_nothing(staged, bucket):
    place = upload.Place(bucket, "data", "vehicles/dataset/")
    first = upload.upload(staged, place)
    assert contents(bucket) == tree(staged)
    assert (first.sent, first.unchanged) == (len(tree(staged)) - 1, 0)
    head = bucket.head_object(Bucket="data", Key=next(k for k in bucket_keys(bucket) if k.endswith(".png")))
    assert head["ContentType"] == "image/png"
    second = upload.upload(staged, place)
    assert (second.sent, second.unchanged, second.removed) == (0, first.sent, 0)


def bucket_keys(client) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket="data")["Contents"]]


def test_a_new_dataset_replaces_the_old_one_and_nothing_outside(staged, bucket, tmp_path):
    place = upload.Place(bucket, "data", "vehicles/dataset/")
    bucket.put_object(Bucket="data", Key="vehicles/incoming/mine.png", Body=b"keep")
    upload.upload(staged, place)
    _, other = stage(tmp_path, "--per-class", "18", "--seed", "9")
    done = upload.upload(other, place)
    assert done.removed > 0
    found = contents(bucket)
    assert found.pop("vehicles/incoming/mine.png") == b"keep"
    assert found == tree(other)


def test_an_interrupted_upload_is_finished_by_the_next(staged, bucket, monkeypatch):
    place = upload.Place(bucket, "data", "vehicles/dataset/")
    real, calls = upload._put, iter(range(100))

    def broken(*arguments):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(upload, "_put", broken)
    with pytest.raises(KeyboardInterrupt):
        upload.upload(staged, place)
    assert layout.CHECKSUMS not in contents(bucket)
    monkeypatch.setattr(upload, "_put", real)
    upload.upload(staged, place)
    assert contents(bucket) == tree(staged)


def test_the_command_uploads_below_the_workloads_prefix(tmp_path, bucket, capsys):
    code, out = stage(tmp_path, "--per-class", "12", "--bucket", "s3://data/team")
    assert code == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["upload"]["location"] == "s3://data/team/vehicles/dataset/"
    assert contents(bucket, "team/vehicles/dataset/") == tree(out)


def test_a_missing_bucket_is_explained(staged, bucket):
    with pytest.raises(DataError, match="apply the environment first"):
        upload.upload(staged, upload.Place(bucket, "nobody-has-this", ""))
