"""Lists of images made from a bucket's listing: what stands in them, what stays together, nothing half written."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import boto3
import pytest
from data_support import aws
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from training.data import __main__ as command
from training.data import boxes
from training.data.manifests import build, check, lines, listing, sinks
from training.data.records import Box
from training.data.splits import SPLITS
from training.data.upload import Place
from training.errors import DataError

ODD = ("a b+c.jpg", "ä&%41.png", "quote'\".jpeg", "line\nend.jpg", "x/y=z.webp", "\u2603.JPG")


quick = functools.cache(listing.client)
usual = functools.cache(lambda: boto3.client("s3"))


@pytest.fixture
def bucket(monkeypatch):
    """An empty bucket; the clients, which take long to make, are made once."""
    aws(monkeypatch)
    with mock_aws():
        client = usual()
        monkeypatch.setattr(listing, "client", quick)
        client.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def fill(client, *keys: str, body: bytes = b"image") -> None:
    for key in keys:
        client.put_object(Bucket="data", Key=key, Body=body)


def photos(client, count: int = 24) -> list[str]:
    keys = [f"pets/{('dog', 'cat')[k % 2]}/p{k // 4:02}_{k}.jpg" for k in range(count)]
    fill(client, *keys)
    return sorted(keys)


def manifest(out: Path | str, *arguments: str, kind: str = "manifest", source: str = "s3://data/pets") -> int:
    return command.main([kind, "--source", source, "--out", str(out), *arguments])


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def no_leftovers(folder: Path) -> bool:
    return not folder.exists() or not list(folder.iterdir())


# --- the listing --------------------------------------------------------------------------------------


def test_the_quick_client_lists_what_boto3_lists(bucket, monkeypatch):
    fill(bucket, *(f"pets/dog/{name}" for name in ODD), "pets/", "pets/dog/", "other/x.jpg")
    for client in (quick(), usual()):  # pages of three
        paginate = client.list_objects_v2
        monkeypatch.setattr(client, "list_objects_v2", lambda *, call=paginate, **more: call(**more, MaxKeys=3))
    found = [[*listing.items(Place(client, "data", "pets/"))] for client in (quick(), usual())]
    assert [item[:2] for item in found[0]] == [item[:2] for item in found[1]]
    assert [item.modified[:19] for item in found[0]] == [item.modified[:19] for item in found[1]]
    assert {item.key for item in found[0]} == {f"pets/dog/{name}" for name in ODD} | {"pets/", "pets/dog/"}
    for client in (quick(), usual()):
        assert listing.folders(Place(client, "data", "pets/")) == ["dog"]


def test_the_quick_client_does_everything_else_as_usual(bucket):
    quick().put_object(Bucket="data", Key="x", Body=b"content")
    assert quick().get_object(Bucket="data", Key="x")["Body"].read() == b"content"
    with pytest.raises(DataError, match="apply the environment first"):
        list(listing.items(Place(quick(), "nobody-has-this", "")))


# --- what stands in the lists -------------------------------------------------------------------------


def test_a_manifest_has_each_image_once_with_its_class(bucket, tmp_path, capsys):
    keys = photos(bucket)
    fill(bucket, "pets/cat/notes.txt", "pets/dog/")
    fill(bucket, "pets/cat/empty.jpg", body=b"")
    assert manifest(tmp_path / "out") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["classes"] == ["cat", "dog"]
    assert summary["left_out"] == {"no image by its name": 1, "empty": 1}
    found = {part: rows(tmp_path / "out" / f"{part}.manifest") for part in SPLITS}
    assert sorted(row["source-ref"] for part in SPLITS for row in found[part]) == [f"s3://data/{key}" for key in keys]
    for part in SPLITS:
        references = [row["source-ref"] for row in found[part]]
        assert references == sorted(references)
        assert sum(summary["counts"][part].values()) == len(references)
        assert check.check(tmp_path / "out" / f"{part}.manifest", ("cat", "dog")).lines == len(references)
        for row in found[part]:
            name = row["source-ref"].split("/")[4]
            metadata = row["class-metadata"]
            assert row["class"] == ("cat", "dog").index(name)
            assert metadata["class-name"] == name
            assert metadata["type"] == "groundtruth/image-classification"
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", metadata["creation-date"])
            assert set(metadata) == {"class-name", "confidence", "type", "job-name", "human-annotated", "creation-date"}


@given(st.text(min_size=1), st.text(min_size=1))
def test_whatever_a_key_or_a_class_is_named_its_line_is_json(key, name):
    document = json.loads(lines.classified("data", key, "2026-01-01T00:00:00.000", 3, name))
    assert document["source-ref"] == f"s3://data/{key}"
    assert document["class"] == 3
    assert document["class-metadata"]["class-name"] == name
    assert document["class-metadata"]["creation-date"] == "2026-01-01T00:00:00.000"


def test_a_list_file_has_number_class_and_path(bucket, tmp_path):
    photos(bucket)
    assert manifest(tmp_path, "--classes", "dog,cat", "--only", "train", kind="lst") == 0
    found = [line.split("\t") for line in (tmp_path / "train.lst").read_text().splitlines()]
    assert [int(row[0]) for row in found] == list(range(24))
    assert all(("dog", "cat")[int(row[1])] == row[2].split("/")[0] for row in found)
    assert {path.name for path in tmp_path.iterdir()} == {"train.lst"}
    fill(bucket, "pets/dog/tab\there.jpg")
    assert manifest(tmp_path / "bad", kind="lst") == 2
    assert no_leftovers(tmp_path / "bad")


def test_equal_listings_give_equal_bytes_and_other_seeds_other_splits(bucket, tmp_path):
    photos(bucket)
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        manifest(tmp_path / name, "--seed", seed)
    one, again, other = ((tmp_path / name / "test.manifest").read_bytes() for name in "abc")
    assert one == again != other


def test_an_image_stays_in_its_split_when_others_come(bucket, tmp_path):
    photos(bucket, 12)
    manifest(tmp_path / "few")
    photos(bucket)
    manifest(tmp_path / "many")
    for part in SPLITS:
        few, many = (rows(tmp_path / name / f"{part}.manifest") for name in ("few", "many"))
        assert {row["source-ref"] for row in few} <= {row["source-ref"] for row in many}


def test_a_group_is_never_divided(bucket, tmp_path):
    photos(bucket)
    assert manifest(tmp_path, "--group", r"/p(\d+)_") == 0
    seen = [{row["source-ref"].split("/p")[-1][:2] for row in rows(tmp_path / f"{part}.manifest")} for part in SPLITS]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 6


def test_shares_are_those_of_the_groups():
    rules = build.Rules(("a", "b"), validation=0.25, test=0.2)
    found = [rules.split_of(f"a/{number}.jpg") for number in range(20_000)]
    assert found.count("test") / 20_000 == pytest.approx(0.2, abs=0.01)
    assert found.count("validation") / 20_000 == pytest.approx(0.2, abs=0.01)


def test_versions_of_training_images_are_of_their_class(bucket, tmp_path):
    photos(bucket, 8)
    fill(bucket, "pets/augmented/dog/p00_0-1.jpg", "pets/augmented/manifest.jsonl")
    assert manifest(tmp_path, "--only", "train") == 0
    found = {row["source-ref"]: row["class-metadata"]["class-name"] for row in rows(tmp_path / "train.manifest")}
    assert found["s3://data/pets/augmented/dog/p00_0-1.jpg"] == "dog"
    assert len(found) == 9


# --- boxes --------------------------------------------------------------------------------------------


def annotated(path: Path, *names: str) -> Path:
    text = "".join(boxes.line(name, 30, 20, 3, [Box(1, 2, 3, 7.5, 9)] * (k % 2)) + "\n" for k, name in enumerate(names))
    path.write_text(text)
    return path


def test_boxes_are_ground_truths(bucket, tmp_path):
    fill(bucket, "cars/b.png", "cars/a.png", "cars/unlabelled.png")
    given_boxes = annotated(tmp_path / "annotations.jsonl", "b.png", "a.png")
    arguments = ["--boxes", str(given_boxes), "--classes", "van,car", "--only", "train"]
    assert manifest(tmp_path / "out", *arguments, source="s3://data/cars") == 0
    empty_last = rows(tmp_path / "out" / "train.manifest")
    assert [row["source-ref"] for row in empty_last] == ["s3://data/cars/a.png", "s3://data/cars/b.png"]
    row, nothing = empty_last
    assert row["bounding-box"] == {
        "image_size": [{"width": 30, "height": 20, "depth": 3}],
        "annotations": [{"class_id": 1, "left": 2, "top": 3, "width": 5.5, "height": 6}],
    }
    metadata = row["bounding-box-metadata"]
    assert metadata["objects"] == [{"confidence": 1}]
    assert metadata["class-map"] == {"1": "car"}
    assert metadata["type"] == "groundtruth/object-detection"
    assert nothing["bounding-box"]["annotations"] == []
    assert check.check(tmp_path / "out" / "train.manifest", ("van", "car")) == check.Checked(2, {}, 1)


@pytest.mark.parametrize(
    ("names", "classes", "says"),
    [
        (("a.png", "gone.png"), "van,car", "there is no such image"),
        (("a.png", "a.png"), "van,car", "line 2, file = 'a.png'"),
        (("b.png", "a.png"), "car", "class number from 0 to 0"),
    ],
)
def test_boxes_that_do_not_fit_the_bucket_are_refused(bucket, tmp_path, capsys, names, classes, says):
    fill(bucket, "cars/a.png", "cars/b.png")
    given_boxes = annotated(tmp_path / "annotations.jsonl", *names)
    out = tmp_path / "out"
    assert manifest(out, "--boxes", str(given_boxes), "--classes", classes, source="s3://data/cars") == 2
    assert says in capsys.readouterr().err
    assert no_leftovers(out)


# --- where they are written ---------------------------------------------------------------------------


def test_lists_go_to_s3_in_parts_or_at_once(bucket, tmp_path, monkeypatch):
    photos(bucket)
    manifest(tmp_path)
    monkeypatch.setattr(sinks, "PART_BYTES", 5000)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    assert manifest("s3://data/lists") == 0
    for part in SPLITS:
        found = bucket.get_object(Bucket="data", Key=f"lists/{part}.manifest")
        assert found["Body"].read() == (tmp_path / f"{part}.manifest").read_bytes()
        assert found["ContentType"] == "application/jsonlines"


def test_what_goes_wrong_leaves_no_list_and_no_open_upload(bucket, monkeypatch, capsys):
    photos(bucket)
    fill(bucket, "pets/zebra/x.jpg")
    monkeypatch.setattr(sinks, "PART_BYTES", 2000)
    assert manifest("s3://data/lists", "--classes", "cat,dog") == 2
    assert "key = 'pets/zebra/x.jpg': lies in no class's folder" in capsys.readouterr().err
    assert "Contents" not in bucket.list_objects_v2(Bucket="data", Prefix="lists/")
    assert "Uploads" not in bucket.list_multipart_uploads(Bucket="data")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--source", "pets"], "s3://bucket"),
        (["--source", "s3://data/none"], "two or more different classes"),
        (["--classes", "cat,cat"], "two or more"),
        (["--group", "(p"], "is no regular expression"),
        (["--group", "p"], "needs parentheses"),
        (["--group", "(xyz)"], "finds no group in"),
        (["--boxes", "x.jsonl"], "must name the classes"),
        (["--out", "s3://Nope/x"], "s3://bucket"),
    ],
)
def test_wrong_arguments_end_with_a_remedy(bucket, tmp_path, capsys, arguments, says):
    fill(bucket, "pets/dog/p1.jpg", "pets/cat/p2.jpg")
    assert manifest(tmp_path / "out", *arguments) == 2
    assert says in capsys.readouterr().err
    assert no_leftovers(tmp_path / "out")


def test_a_prefix_without_images_is_named(bucket, tmp_path, capsys):
    fill(bucket, "pets/dog/notes.txt")
    assert manifest(tmp_path / "out", "--classes", "cat,dog") == 1
    assert "s3://data/pets/': holds no image (1 other objects)" in capsys.readouterr().err
    assert no_leftovers(tmp_path / "out")


def test_a_manifest_is_checked_where_it_lies(bucket, capsys):
    photos(bucket, 12)
    assert manifest("s3://data/lists", "--only", "train") == 0
    assert command.main(["check", "s3://data/lists/train.manifest", "--classes", "cat,dog"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["lines"] == 12
    assert command.main(["check", "s3://data/lists/train.manifest", "--classes", "dog,cat"]) == 2
    assert "s3://data/lists/train.manifest, line 1, class-name" in capsys.readouterr().err
    assert command.main(["check", "s3://data/lists/none.manifest"]) == 1
