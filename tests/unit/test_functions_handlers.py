"""The handlers of serialize_image, classify_image and filter_predictions, with S3 in moto and the endpoint replaced."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from moto import mock_aws

from tests.unit import functions_support as support

errors = support.common("errors")
CONTEXT = support.Context()


@pytest.fixture(scope="module")
def bucket():
    """One bucket for all tests: starting moto takes longer than any of them."""
    credentials = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name, value in credentials.items():
            environment.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket=support.BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        client.put_bucket_versioning(Bucket=support.BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def s3(bucket, monkeypatch):
    settings = {
        "ALLOWED_BUCKETS": f"{support.BUCKET}, other-allowed-bucket",
        "ENDPOINT_NAME": "slipway-test-vehicles",
        "MAX_IMAGE_BYTES": "100000",
        "MAX_IMAGE_PIXELS": "10000",
        "TOP_K": "2",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return bucket


def put(client: Any, key: str, body: bytes) -> dict[str, str]:
    version = client.put_object(Bucket=support.BUCKET, Key=key, Body=body)["VersionId"]
    return {"bucket": support.BUCKET, "key": key, "version": version}


# --- serialize_image --------------------------------------------------------------------------------------------------


@pytest.fixture
def serialize(s3):
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
    handler = support.load("serialize_image")
    original = handler.S3

    def get_object(**request: Any) -> Any:
        answer = original.get_object(**request)
        read.append(answer["ContentLength"])
        return answer

    monkeypatch.setattr(handler, "S3", SimpleNamespace(get_object=get_object))
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


@pytest.mark.parametrize(
    ("code", "status", "listed", "error"),
    [
        ("AccessDenied", 403, [], "ImageNotFound"),
        ("AccessDenied", 403, [{"Key": "k"}], "ImageUnreadable"),
        ("InvalidObjectState", 403, [{"Key": "k"}], "ImageUnreadable"),
        ("KMS.DisabledException", 400, [], "ImageUnreadable"),
        ("SlowDown", 503, [], "StorageUnavailable"),
        ("InternalError", 500, [], "StorageUnavailable"),
    ],
)
def test_what_s3_refuses_gets_the_name_the_workflow_decides_by(s3, monkeypatch, code, status, listed, error):
    handler = support.load("serialize_image")

    def fail(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")

    replaced = SimpleNamespace(get_object=fail, list_objects_v2=lambda **_: {"Contents": listed})
    monkeypatch.setattr(handler, "S3", replaced)
    with pytest.raises(getattr(errors, error)):
        handler.handle({"bucket": support.BUCKET, "key": "k"}, CONTEXT)


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


# --- classify_image ---------------------------------------------------------------------------------------------------

ANSWER = {
    "predictions": [
        {"label": "bicycle", "index": 0, "probability": 0.2},
        {"label": "motorcycle", "index": 1, "probability": 0.71234567},
        {"label": "train", "index": 2, "probability": 0.1},
    ],
    "model": {"name": "vehicles", "version": "2024-01"},
}


class Endpoint:
    """Answers each call with the next of ``steps``: an answer, or an exception to raise."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.calls: list[dict[str, Any]] = []

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.calls.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        body = step if isinstance(step, bytes) else json.dumps(step).encode()
        return {"Body": io.BytesIO(body), "InvokedProductionVariant": "primary"}


def failure(code: str, status: int = 400, original: int | None = None) -> ClientError:
    response: dict[str, Any] = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if original:
        response |= {"OriginalStatusCode": original, "OriginalMessage": '{"error": "bad image"}'}
    return ClientError(response, "InvokeEndpoint")


@pytest.fixture
def classify(s3, monkeypatch):
    """Classify one stored image against an endpoint that goes through ``steps``; returns (answer, endpoint, pauses)."""
    handler = support.load("classify_image")
    pauses: list[float] = []
    monkeypatch.setattr(handler, "time", SimpleNamespace(sleep=pauses.append))
    image = put(s3, "in/a.png", support.png(30, 20))
    claim = {**image, "size": len(support.png(30, 20)), "format": "png", "width": 30, "height": 20}

    def ask(*steps: Any, context: Any = CONTEXT, **changes: Any) -> tuple[dict[str, Any], Endpoint, list[float]]:
        endpoint = Endpoint(*steps)
        monkeypatch.setattr(handler, "RUNTIME", endpoint)
        ask.endpoint, ask.pauses = endpoint, pauses
        pauses.clear()
        return handler.handle({"image": {**claim, **changes}}, context), endpoint, pauses

    return ask


def test_the_best_classes_come_back_with_their_names(classify):
    answer, endpoint, _ = classify(ANSWER)
    assert answer["predictions"] == [
        {"label": "motorcycle", "index": 1, "probability": 0.712346},
        {"label": "bicycle", "index": 0, "probability": 0.2},
    ]
    assert answer["model"] == {"variant": "primary", "version": "2024-01"}
    assert answer["image"]["key"] == "in/a.png"
    (call,) = endpoint.calls
    assert call["Body"] == support.png(30, 20)
    assert (call["EndpointName"], call["ContentType"], call["Accept"]) == (
        "slipway-test-vehicles",
        "image/png",
        "application/json",
    )


def test_the_claimed_version_is_sent_though_a_newer_one_exists(classify, s3):
    put(s3, "in/a.png", support.png(1, 1))
    _, endpoint, _ = classify(ANSWER)
    assert endpoint.calls[0]["Body"] == support.png(30, 20)


@pytest.mark.parametrize(
    "passing",
    [
        failure("ThrottlingException", 400),
        failure("ModelNotReadyException", 429),
        failure("ServiceUnavailable", 503),
        failure("InternalFailure", 500),
        failure("InternalDependencyException", 530),
        failure("ModelError", 424, 503),
        failure("ModelError", 424, 429),
        failure("ModelError", 424, 500),
        ConnectTimeoutError(endpoint_url="https://runtime"),
        EndpointConnectionError(endpoint_url="https://runtime"),
    ],
)
def test_what_passes_is_tried_again_with_growing_pauses_and_then_left_to_the_workflow(classify, passing):
    answer, endpoint, pauses = classify(passing, passing, ANSWER)
    assert answer["predictions"]
    assert len(endpoint.calls) == 3
    assert len(pauses) == 2
    assert 0 <= pauses[0] <= 0.4
    assert 0 <= pauses[1] <= 0.8
    with pytest.raises(errors.ModelUnavailable):
        classify(passing, passing, passing, ANSWER)
    assert len(classify.endpoint.calls) == 3


@pytest.mark.parametrize(
    ("lasting", "error"),
    [
        (failure("ModelError", 424, 400), "ModelRefusedImage"),
        (failure("ModelError", 424, 413), "ModelRefusedImage"),
        (failure("ModelError", 424, 415), "ModelRefusedImage"),
        (failure("ValidationError", 400), "EndpointUnusable"),
        (failure("AccessDeniedException", 403), "EndpointUnusable"),
        (NoCredentialsError(), "EndpointUnusable"),
        (ReadTimeoutError(endpoint_url="https://runtime"), "ModelUnavailable"),
    ],
)
def test_what_lasts_is_not_asked_again(classify, lasting, error):
    with pytest.raises(getattr(errors, error)):
        classify(lasting, ANSWER)
    assert len(classify.endpoint.calls) == 1
    assert not classify.pauses


def test_no_attempt_is_begun_that_could_not_end_in_time(classify):
    busy = failure("ThrottlingException")
    with pytest.raises(errors.OutOfTime, match="attempt 1"):
        classify(ANSWER, context=support.Context((14_000,)))
    assert not classify.endpoint.calls
    with pytest.raises(errors.OutOfTime, match="attempt 2"):
        classify(busy, ANSWER, context=support.Context((20_000, 9_000)))
    assert len(classify.endpoint.calls) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"predictions": []}',
        b'{"predictions": [{"label": "a"}]}',
        b'{"predictions": [{"label": "", "index": 0, "probability": 0.5}]}',
        b'{"predictions": [{"label": "a", "index": 0, "probability": 1.5}]}',
        b'{"predictions": [{"label": "a", "index": 0, "probability": NaN}]}',
        b'{"predictions": {"a": 1}}',
        b"\xff\xfe",
    ],
)
def test_an_answer_off_the_contract_is_refused(classify, body):
    with pytest.raises(errors.ModelAnswerInvalid):
        classify(body)


def test_an_answer_without_a_version_is_taken(classify):
    answer, _, _ = classify({"predictions": ANSWER["predictions"]})
    assert answer["model"] == {"variant": "primary", "version": None}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"size": 1}, "ImageChanged"),
        ({"size": 99_999}, "ImageChanged"),
        ({"size": 100_001}, "ImageTooLarge"),
        ({"size": 0}, "ImageTooLarge"),
        ({"size": "12"}, "InvalidEvent"),
        ({"size": True}, "InvalidEvent"),
        ({"format": "gif"}, "InvalidEvent"),
        ({"key": "in/none.png"}, "ImageNotFound"),
        ({"bucket": "foreign"}, "BucketNotAllowed"),
    ],
)
def test_a_claim_check_that_is_not_true_is_refused_before_the_model_is_asked(classify, changes, error):
    with pytest.raises(getattr(errors, error)):
        classify(ANSWER, **changes)
    assert not classify.endpoint.calls


# --- filter_predictions -----------------------------------------------------------------------------------------------


@pytest.fixture
def judge(monkeypatch):
    handle = support.load("filter_predictions").handle

    def decide(*probabilities: Any, threshold: str = "0.93", low: str = "review") -> dict[str, Any]:
        monkeypatch.setenv("CONFIDENCE_THRESHOLD", threshold)
        monkeypatch.setenv("LOW_CONFIDENCE", low)
        predictions = [
            {"label": f"class-{index}", "index": index, "probability": one} for index, one in enumerate(probabilities)
        ]
        return handle({"image": {"key": "k"}, "predictions": predictions, "model": {}}, CONTEXT)

    return decide


def test_the_threshold_itself_is_enough(judge):
    assert judge(0.93, 0.07)["status"] == "classified"
    assert judge(0.929999, 0.07)["status"] == "for_review"
    assert judge(1, 0, threshold="1")["status"] == "classified"


def test_the_verdict_is_added_to_what_came(judge):
    decided = judge(0.1, 0.95)
    assert decided["image"] == {"key": "k"}
    assert (decided["label"], decided["probability"], decided["threshold"]) == ("class-1", 0.95, 0.93)


def test_low_confidence_can_be_raised(judge):
    with pytest.raises(errors.LowConfidence, match=r"probability '0.5': class-0 stays below the threshold 0.93"):
        judge(0.5, 0.5, low="raise")
    assert judge(0.94, 0.06, low="raise")["status"] == "classified"


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (None, "event"),
        ({}, "predictions"),
        ({"predictions": []}, "predictions"),
        ({"predictions": "all"}, "predictions"),
        ({"predictions": [{"label": "a"}]}, "predictions[0].probability"),
        ({"predictions": [{"label": 7, "probability": 0.5}]}, "predictions[0].label"),
        ({"predictions": [{"label": "a", "probability": True}]}, "predictions[0].probability"),
        ({"predictions": [{"label": "a", "probability": 1.2}]}, "predictions.probability"),
        ({"predictions": [{"label": "a", "probability": float("nan")}]}, "predictions.probability"),
    ],
)
def test_predictions_that_are_none_are_refused_by_field(event, field):
    with pytest.raises(errors.InvalidEvent) as caught:
        support.load("filter_predictions").handle(event, CONTEXT)
    assert caught.value.field == field


@pytest.mark.parametrize("threshold", ["0", "1.01", "nan", "high", "-1"])
def test_a_threshold_that_decides_nothing_is_refused(judge, threshold):
    with pytest.raises(errors.InvalidSetting, match="CONFIDENCE_THRESHOLD"):
        judge(0.5, threshold=threshold)


def test_an_unknown_way_of_treating_low_confidence_is_refused(judge):
    with pytest.raises(errors.InvalidSetting, match="LOW_CONFIDENCE 'ignore': is not one of review, raise"):
        judge(0.5, low="ignore")


# --- what all share ---------------------------------------------------------------------------------------------------


def test_one_json_line_per_invocation_and_no_payload_in_it(judge, capsys):
    judge(0.95)
    (line,) = support.events_of(capsys.readouterr().out)
    assert line["message"] == "done"
    assert line["request_id"] == "request-1"
    assert line["timestamp"].endswith("Z")
    assert "class-0" not in json.dumps(line)
    with pytest.raises(errors.InvalidEvent):
        judge()
    (line,) = support.events_of(capsys.readouterr().out)
    assert (line["level"], line["error"]) == ("WARN", "InvalidEvent")


def test_known_errors_carry_no_traceback_of_ours_and_unknown_ones_do(capsys):
    entry = support.common("entry").entry

    def depth(error: Exception) -> int:
        def inner(event: Any, context: Any) -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            entry(inner)({}, CONTEXT)
        return len(caught.traceback)

    known = depth(errors.InvalidEvent("a", 1, "b", "c"))
    assert known < depth(ZeroDivisionError("division by zero"))
    assert [line["message"] for line in support.events_of(capsys.readouterr().out)] == ["refused", "crashed"]


def test_messages_stay_short_whatever_the_value():
    error = errors.ImageNotFound("image", "s3://bucket/" + "k" * 1024, "does not exist", "Upload it first")
    assert len(str(error)) < 300
    assert str(error).endswith("Upload it first.")
