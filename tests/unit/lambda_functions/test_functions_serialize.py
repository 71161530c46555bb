"""serialize_image against a real S3: the claim check, and what gets none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit import functions_support as support
from tests.unit.lambda_functions.conftest import put
from tests.unit.lambda_functions.scripted import Reply, refusal

errors = support.common("errors")
CONTEXT = support.Context()


@pytest.fixture
def serialize(environment):
    return support.load("serialize_image").handle


def test_a_claim_check_pins_the_version_and_measures_the_image(s3, serialize):
    image = put(s3, "in/a b/ü.png", support.png(30, 20))
    expected = {**image, "size": len(support.png(30, 20)), "format": "png", "width": 30, "height": 20}
    plain = {"bucket": image["bucket"], "key": image["key"]}
    for event in (plain, {"image": plain}, f"s3://{support.BUCKET}/in/a b/ü.png", {"image": image}):
        assert serialize(event, CONTEXT) == {"image": expected}
    json.dumps(expected)


def test_an_older_version_stays_what_it_was(s3, serialize):
    old = put(s3, "in/a.png", support.png(30, 20))
    put(s3, "in/a.png", b"no image any more")
    assert serialize({"image": old}, CONTEXT)["image"]["version"] == old["version"]


def test_a_large_jpeg_is_measured_without_being_read_whole(s3, serialize, monkeypatch):
    monkeypatch.setenv("MAX_IMAGE_BYTES", "10000000")
    content = support.jpeg(64, 48, metadata=2_000_000)
    content = content[:-2] + b"\x12" * 3_000_000 + b"\xff\xd9"
    image = put(s3, "in/a.jpg", content)
    read = []
    storage = support.common("storage")
    original = storage.get_range

    def get_range(*arguments: Any, **options: Any) -> Any:
        piece = original(*arguments, **options)
        read.append(len(piece.data))
        return piece

    monkeypatch.setattr(storage, "get_range", get_range)
    claim = serialize({"image": image}, CONTEXT)["image"]
    assert (claim["format"], claim["width"], claim["height"], claim["size"]) == ("jpeg", 64, 48, len(content))
    assert sum(read) < 0.6 * len(content)
    assert len(read) <= 34


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (None, "image"),
        (7, "image"),
        ([], "image"),
        ({}, "image.bucket"),
        ({"bucket": support.BUCKET}, "image.key"),
        ({"bucket": 7, "key": "k"}, "image.bucket"),
        ({"bucket": support.BUCKET, "key": ""}, "image.key"),
        ({"bucket": support.BUCKET, "key": "\ud800"}, "image.key"),
        ({"bucket": support.BUCKET, "key": "k", "verison": "v"}, "image.verison"),
        ({"bucket": support.BUCKET, "key": "k", "version": 7}, "image.version"),
        ({"image": None}, "image"),
        ({"image": "http://example.com/a.png"}, "image"),
        ("s3://only-a-bucket", "image"),
        ("s3:///k", "image"),
    ],
)
def test_a_malformed_event_is_refused_by_field(serialize, event, field):
    with pytest.raises(errors.InvalidEvent) as caught:
        serialize(event, CONTEXT)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} ")


def test_what_is_missing_too_large_foreign_or_no_image_is_refused(s3, serialize):
    def refused(reference: Any) -> str:
        with pytest.raises(errors.FunctionError) as caught:
            serialize({"image": reference}, CONTEXT)
        return f"{type(caught.value).__name__}: {caught.value}"

    assert refused(f"s3://{support.BUCKET}/in/none.png").startswith("ImageNotFound: image 's3://")
    old = put(s3, "in/a.png", support.png())
    assert refused({**old, "version": "0" * 32}).startswith("ImageNotFound")
    s3.delete_object(Bucket=support.BUCKET, Key="in/a.png")
    assert refused({"bucket": support.BUCKET, "key": "in/a.png"}).startswith("ImageNotFound")
    huge = refused(put(s3, "in/big.png", b"\0" * 40_000_000))
    assert huge.startswith("ImageTooLarge: image.size '40000000'")
    assert "limit of 100000 bytes (MAX_IMAGE_BYTES)" in huge
    assert "limit of 10000 pixels" in refused(put(s3, "in/wide.png", support.png(101, 100)))
    assert refused({"bucket": "foreign", "key": "k"}).startswith("BucketNotAllowed")
    assert refused(put(s3, "in/empty.png", b"")).startswith("TruncatedImage")
    assert refused(put(s3, "in/a.gif", b"GIF89a;")).startswith("UnsupportedImage")


FOUND = Reply(
    body=b"""<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Contents>
    <Key>in/a%20b.png</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents></ListBucketResult>"""
)
NONE_FOUND = Reply(body=b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>")


@pytest.mark.parametrize(
    ("told", "error", "says"),
    [
        ((refusal("NoSuchKey", 404),), "ImageNotFound", "does not exist"),
        ((refusal("NoSuchVersion", 404),), "ImageNotFound", "does not exist"),
        ((refusal("MethodNotAllowed", 405, x_amz_delete_marker="true"),), "ImageNotFound", "does not exist"),
        ((Reply(404),), "ImageNotFound", "does not exist"),
        ((refusal("AccessDenied", 403), NONE_FOUND), "ImageNotFound", "does not exist"),
        ((refusal("AccessDenied", 403), FOUND), "ImageUnreadable", "AccessDenied"),
        ((refusal("AccessDenied", 403), refusal("AccessDenied", 403)), "ImageUnreadable", "AccessDenied"),
        ((refusal("AccessDenied", 403), Reply(body=b"no XML")), "ImageUnreadable", "AccessDenied"),
        ((refusal("InvalidObjectState", 403),), "ImageUnreadable", "InvalidObjectState"),
        ((refusal("KMS.DisabledException", 400),), "ImageUnreadable", "KMS.DisabledException"),
        ((refusal("PermanentRedirect", 301),), "ImageUnreadable", "PermanentRedirect"),
        ((refusal("InvalidRange", 416),), "TruncatedImage", "empty"),
        ((refusal("SlowDown", 503),), "StorageUnavailable", "SlowDown"),
        ((refusal("InternalError", 500),), "StorageUnavailable", "InternalError"),
        ((refusal("KMS.ThrottlingException", 400),), "StorageUnavailable", "KMS.ThrottlingException"),
    ],
)
def test_what_s3_refuses_gets_the_name_the_workflow_decides_by(
    environment, scripted, serialize, pauses, told, error, says
):
    server = scripted(*told)
    environment.setenv("AWS_ENDPOINT_URL", server.url)
    with pytest.raises(getattr(errors, error), match=says):
        serialize({"bucket": support.BUCKET, "key": "in/a b.png"}, CONTEXT)
    assert server.calls[0].target == f"/{support.BUCKET}/in/a%20b.png"


@pytest.mark.parametrize(
    "bucket", ["a/../b", "evil.example.com/x?", "A", "arn:aws:s3:eu-west-1:1:accesspoint/a", "a@b"]
)
def test_a_bucket_that_could_not_be_one_reaches_no_host(environment, scripted, serialize, bucket):
    server = scripted(Reply())
    environment.setenv("AWS_ENDPOINT_URL", server.url)
    environment.setenv("ALLOWED_BUCKETS", bucket)
    with pytest.raises(errors.InvalidEvent, match="is not a possible S3 address"):
        serialize({"bucket": bucket, "key": "k"}, CONTEXT)
    assert not server.calls


@pytest.mark.parametrize(
    ("name", "value"), [("MAX_IMAGE_BYTES", "many"), ("MAX_IMAGE_PIXELS", "0"), ("MAX_IMAGE_BYTES", "1.5")]
)
def test_a_wrong_setting_is_named(serialize, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(errors.InvalidSetting, match=f"{name} '{value}'"):
        serialize({"bucket": support.BUCKET, "key": "k"}, CONTEXT)


def test_a_setting_that_is_missing_is_named(serialize, monkeypatch):
    monkeypatch.delenv("ALLOWED_BUCKETS")
    with pytest.raises(errors.InvalidSetting, match="ALLOWED_BUCKETS '': is not set"):
        serialize({"bucket": support.BUCKET, "key": "k"}, CONTEXT)
