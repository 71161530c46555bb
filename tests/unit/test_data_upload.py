"""A staged dataset in S3: what is sent, what is left, and what an interruption leaves."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from data_support import aws, stage, tree
from moto import mock_aws

from training.data import layout, upload
from training.errors import DataError


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Path:
    code, out = stage(tmp_path_factory.mktemp("staged"), "--per-class", "24")
    assert code == 0
    return out


@pytest.fixture
def bucket(monkeypatch):
    aws(monkeypatch)
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
