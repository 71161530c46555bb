"""classify_upload against a real S3, a scripted endpoint and the web: who tells of an image, and what it answers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.unit import functions_support as support
from tests.unit.lambda_functions.conftest import put
from tests.unit.lambda_functions.scripted import Reply, answer, failure

errors = support.common("errors")
web = support.common("web")
CONTEXT = support.Context()
PICTURE = support.png(30, 20)
KEY = "dogs/incoming/a dog+\u00e9.png"
BREEDS = [{"label": f"breed-{k}", "index": k, "probability": (k + 1) / 100} for k in range(13)]
ANSWER = answer({"predictions": BREEDS, "model": {"name": "dogs", "version": "3"}})
BEST = ["breed-12", "breed-11", "breed-10", "breed-9", "breed-8"]


@pytest.fixture
def classify(s3, environment, scripted, pauses):
    """Hand an event to the function, the endpoint answering along ``steps``."""
    environment.delenv("TOP_K")
    environment.setenv("RESULTS_PREFIX", "dogs/results")

    def ask(event: Any, *steps: Reply, context: Any = CONTEXT) -> Any:
        ask.endpoint = scripted(*(steps or [ANSWER]))
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", ask.endpoint.url)
        handler = support.load("classify_upload")
        handler.AWS.retries.quota = 50
        return handler.handle(event, context)

    ask.image = put(s3, KEY, PICTURE)
    return ask


def detail(image: dict[str, str], size: int = 10) -> dict[str, Any]:
    thing = {"key": image["key"], "version-id": image["version"], "size": size, "etag": "e", "sequencer": "0"}
    return {"version": "0", "bucket": {"name": image["bucket"]}, "object": thing, "reason": "PutObject"}


def notification(image: dict[str, str], size: int = 10) -> dict[str, Any]:
    thing = {"key": quote_plus(image["key"]), "versionId": image["version"], "size": size, "eTag": "e"}
    return {"eventSource": "aws:s3", "s3": {"bucket": {"name": image["bucket"]}, "object": thing}}


@pytest.mark.parametrize(
    "told",
    [
        detail,
        lambda image: {"source": "aws.s3", "detail-type": "Object Created", "detail": detail(image)},
        lambda image: {"Records": [notification(image)]},
    ],
    ids=["detail", "EventBridge", "notification"],
)
def test_an_upload_is_classified_and_its_answer_kept(classify, s3, told):
    put(s3, KEY, support.png(1, 1))
    (result,) = classify(told(classify.image))["results"]
    assert [one["label"] for one in result["predictions"]] == BEST
    assert result["model"] == {"variant": "primary", "version": "3"}
    assert {name: result["image"][name] for name in ("bucket", "key", "version")} == classify.image
    assert (result["image"]["width"], result["image"]["height"], result["image"]["size"]) == (30, 20, len(PICTURE))
    assert classify.endpoint.calls[0].body == PICTURE, "the uploaded version, though a newer one exists"
    place = result.pop("result")
    assert place["key"].startswith("dogs/results/uploads/a dog+\u00e9.png-")
    kept = s3.get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    assert json.loads(kept) == result


def test_a_second_delivery_writes_to_the_same_place(classify):
    places = [classify(detail(classify.image))["results"][0]["result"] for _ in range(2)]
    assert places[0] == places[1]


def test_several_records_are_all_classified(classify, s3):
    other = put(s3, "dogs/incoming/b.png", PICTURE)
    folder = {**classify.image, "key": "dogs/incoming/new/"}
    records = [notification(classify.image), notification(folder, size=0), notification(other)]
    results = classify({"Records": records})["results"]
    assert [result["image"]["key"] for result in results] == [KEY, "dogs/incoming/new/", "dogs/incoming/b.png"]
    assert [result.get("skipped", False) for result in results] == [False, True, False]


def test_an_image_on_request_is_answered_and_not_kept(classify, s3):
    found = classify({"image": f"s3://{support.BUCKET}/{KEY}"})
    assert [one["label"] for one in found["predictions"]] == BEST
    assert found["image"]["version"] == classify.image["version"]
    assert "Contents" not in s3.list_objects_v2(Bucket=support.BUCKET, Prefix="dogs/results/")


def test_a_url_is_answered_where_its_host_is_allowed(classify, environment, monkeypatch):
    asked = []
    monkeypatch.setattr(web, "fetch", lambda *given: asked.append(given) or PICTURE)
    environment.setenv("URL_HOSTS", "images.example.com, cdn.example.com")
    found = classify({"url": "https://images.example.com/a.png?token=secret"})
    assert [one["label"] for one in found["predictions"]] == BEST
    assert found["image"]["host"] == "images.example.com"
    assert "secret" not in json.dumps(found)
    ((url, hosts, limits),) = asked
    assert (url, hosts) == ("https://images.example.com/a.png?token=secret", {"images.example.com", "cdn.example.com"})
    assert (limits.max_bytes, limits.total_s) == (100_000, 10.0)


def test_urls_are_off_unless_hosts_are_named(classify):
    with pytest.raises(errors.UrlNotAllowed, match="no host may be asked"):
        classify({"url": "https://images.example.com/a.png"})
    assert not classify.endpoint.calls


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"<html>", "UnsupportedImage"),
        (PICTURE[:60], "TruncatedImage"),
        (b"", "TruncatedImage"),
        (support.png(200, 200), "ImageTooLarge"),
    ],
)
def test_what_a_url_gives_is_checked_as_an_upload_is(classify, environment, monkeypatch, content, error):
    monkeypatch.setattr(web, "fetch", lambda *_: content)
    environment.setenv("URL_HOSTS", "images.example.com")
    with pytest.raises(getattr(errors, error)):
        classify({"url": "https://images.example.com/a.png"})
    assert not classify.endpoint.calls


def test_a_url_is_not_begun_without_time_for_the_model(classify, environment):
    environment.setenv("URL_HOSTS", "images.example.com")
    with pytest.raises(errors.OutOfTime):
        classify({"url": "https://images.example.com/a.png"}, context=support.Context((15_000,)))


@pytest.mark.parametrize(
    "event",
    [
        *(None, [], "s3://b/k", {}, {"Records": []}, {"Records": [{}]}, {"Records": [{"s3": {"object": {"key": 1}}}]}),
        *({"detail": 1}, {"bucket": {"name": support.BUCKET}, "object": {}}, {"image": 7}, {"image": {"key": "k"}}),
        {"bucket": support.BUCKET, "object": {"key": "k"}},
    ],
)
def test_a_malformed_event_is_named(classify, event):
    with pytest.raises(errors.InvalidEvent):
        classify(event)
    assert not classify.endpoint.calls


def test_another_bucket_is_refused(classify):
    with pytest.raises(errors.BucketNotAllowed):
        classify(detail({**classify.image, "bucket": "somebody-elses"}))


@pytest.mark.parametrize("content", [PICTURE[:60], b"", support.png(200, 200), PICTURE + b"\0" * 100_000])
def test_a_bad_upload_is_not_shown_to_the_model(classify, s3, content):
    with pytest.raises((errors.TruncatedImage, errors.ImageTooLarge)):
        classify(detail(put(s3, "dogs/incoming/bad.png", content)))
    assert not classify.endpoint.calls


def test_a_model_that_fails_leaves_no_answer(classify, s3):
    with pytest.raises(errors.ModelUnavailable):
        classify(detail(classify.image), failure("ThrottlingException"))
    assert "Contents" not in s3.list_objects_v2(Bucket=support.BUCKET, Prefix="dogs/results/")
