"""assess_claim against a real S3 and two scripted endpoints: every branch, and everything that is no verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit import functions_support as support
from tests.unit.lambda_functions.conftest import put
from tests.unit.lambda_functions.scripted import Call, Reply, Scripted, answer, failure

errors = support.common("errors")
CONTEXT = support.Context((200_000,))
PICTURE = support.png(30, 20)
KEY = "claims/incoming/C-17/front.png"


def car(score: float, label: str = "car") -> dict[str, Any]:
    return {"label": label, "index": 0, "score": score, "box": [1.0, 2.0, 20.5, 18.25]}


def seen(*boxes: dict[str, Any]) -> Reply:
    return answer({"predictions": list(boxes), "model": {"name": "claims-detector", "version": "4"}})


def damage(probability: float) -> Reply:
    shares = {"damaged": probability, "whole": 1 - probability}
    predictions = [{"label": name, "index": k, "probability": share} for k, (name, share) in enumerate(shares.items())]
    return answer({"predictions": predictions, "model": {"name": "claims", "version": "7"}})


def upload(**image: Any) -> dict[str, Any]:
    """The detail of S3's event; see its documentation."""
    named = {"version-id": image["version"]} if "version" in image else {}
    thing = {**({"key": image["key"]} if "key" in image else {}), **named, "size": 10, "etag": "e", "sequencer": "0"}
    return {"version": "0", "bucket": {"name": image["bucket"]}, "object": thing, "reason": "PutObject"}


class Models:
    """Both endpoints behind one address; each answers along a script of its own."""

    def __init__(self, detector: list[Reply], classifier: list[Reply]) -> None:
        self.scripts = {"detector": detector, "classifier": classifier}
        self.asked: list[str] = []

    def __call__(self, call: Call) -> Reply:
        name = "detector" if "claims-detector" in call.target else "classifier"
        self.asked.append(name)
        script = self.scripts[name]
        return script.pop(0) if len(script) > 1 else script[0]


@pytest.fixture
def assess(s3, environment, scripted, pauses):
    """Assess an event; ``detector`` and ``classifier`` are what they answer, one reply per question."""
    image = put(s3, KEY, PICTURE)
    environment.setenv("DETECTOR_ENDPOINT_NAME", "slipway-test-claims-detector")
    environment.setenv("ENDPOINT_NAME", "slipway-test-claims")
    environment.setenv("INCOMING_PREFIX", "claims/incoming/")
    environment.setenv("CAR_THRESHOLD", "0.6")
    environment.setenv("DAMAGE_THRESHOLD", "0.8")

    def ask(detector: Any, classifier: Any = (), event: Any = None, context: Any = CONTEXT) -> dict[str, Any]:
        def listed(given: Any) -> list[Reply]:
            return [given] if isinstance(given, Reply) else list(given)

        ask.models = Models(listed(detector), listed(classifier))
        server: Scripted = scripted(ask.models)
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
        ask.server = server
        handler = support.load("assess_claim")
        handler.AWS.retries.quota = 50
        return handler.handle(upload(**image) if event is None else event, context)

    ask.image = image
    return ask


@pytest.mark.parametrize(
    ("detector", "classifier", "verdict", "reason", "asked"),
    [
        (seen(), damage(1), "audit", "no_car", ["detector"]),
        (seen(car(0.99, "bus")), damage(1), "audit", "no_car", ["detector"]),
        (seen(car(0.599999)), damage(1), "audit", "car_below_threshold", ["detector"]),
        (seen(car(0.6)), damage(0.8), "file", "damage", ["detector", "classifier"]),
        (seen(car(0.6)), damage(0.799999), "audit", "damage_uncertain", ["detector", "classifier"]),
        (seen(car(0.6)), damage(0.4), "audit", "no_damage", ["detector", "classifier"]),
        (seen(car(0.2), car(0.9)), damage(0.95), "file", "damage", ["detector", "classifier"]),
    ],
)
def test_every_branch_of_the_rule_is_taken(assess, detector, classifier, verdict, reason, asked):
    answered = assess(detector, classifier)
    assert (answered["verdict"], answered["reason"]) == (verdict, reason)
    assert assess.models.asked == asked


def test_a_verdict_carries_its_whole_evidence(assess):
    answered = assess(seen(car(0.3), car(0.91)), damage(0.85))
    assert (answered["claim"], answered["thresholds"]) == ("C-17", {"car": 0.6, "damage": 0.8})
    assert answered["labels"] == {"car": "car", "damage": "damaged"}
    assert answered["assessed_at"].endswith("+00:00")
    (photo,) = answered["photos"]
    assert {name: photo[name] for name in ("bucket", "key", "version")} == assess.image
    assert (photo["size"], photo["format"], photo["width"], photo["height"]) == (len(PICTURE), "png", 30, 20)
    assert [box["score"] for box in photo["boxes"]] == [0.91, 0.3]
    assert photo["boxes"][0]["box"] == [1.0, 2.0, 20.5, 18.25]
    assert photo["classes"][0] == {"label": "damaged", "index": 0, "probability": 0.85}
    assert photo["detector"] == {"endpoint": "slipway-test-claims-detector", "variant": "primary", "version": "4"}
    assert photo["classifier"] == {"endpoint": "slipway-test-claims", "variant": "primary", "version": "7"}
    assert (photo["verdict"], photo["reason"]) == ("file", "damage")
    assert [call.body for call in assess.server.calls] == [PICTURE, PICTURE]
    assert len(json.dumps(answered)) < 5000


def test_evidence_stays_small_whatever_a_detector_sees(assess):
    answered = assess(seen(*[car(0.9 - k / 1000) for k in range(200)]), damage(0.9))
    assert [box["score"] for box in answered["photos"][0]["boxes"]] == [round(0.9 - k / 1000, 6) for k in range(10)]


def test_several_photos_are_filed_if_any_shows_a_damaged_car(assess, s3):
    other = put(s3, "claims/incoming/C-17/left.png", support.png(8, 8))
    event = {"claim": {"id": "C-17", "images": [assess.image, f"s3://{other['bucket']}/{other['key']}"]}}
    answered = assess([seen(), seen(car(0.9))], damage(0.9), event)
    assert (answered["verdict"], answered["reason"]) == ("file", "damage")
    assert [photo["reason"] for photo in answered["photos"]] == ["no_car", "damage"]
    assert answered["photos"][1]["version"] == other["version"], "the newest is pinned when it is read"
    answered = assess([seen(car(0.9)), seen()], damage(0.1), event)
    assert (answered["verdict"], answered["reason"]) == ("audit", "no_damage")


def test_the_uploaded_version_is_judged_though_a_newer_one_exists(assess, s3):
    put(s3, KEY, support.png(1, 1))
    assert assess(seen())["photos"][0]["version"] == assess.image["version"]
    assert assess.server.calls[0].body == PICTURE


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({}, "either claim or object"),
        ([], "either claim or object"),
        ({"claim": {}, "object": {}}, "either claim or object"),
        ({"object": {"key": "claims/incoming/C-1/a.png"}}, "bucket"),
        (upload(bucket=support.BUCKET), "object.key"),
        (upload(bucket=support.BUCKET, key="claims/incoming/C-1/a.png", version=3), "image.version"),
        (upload(bucket=support.BUCKET, key="claims/incoming/loose.png"), "no claim's folder"),
        (upload(bucket=support.BUCKET, key="claims/incoming//a.png"), "not a claim's id"),
        (upload(bucket=support.BUCKET, key="claims/incoming/C-1/"), "no claim's folder"),
        (upload(bucket=support.BUCKET, key="vehicles/incoming/C-1/a.png"), "no claim's folder"),
        (upload(bucket=support.BUCKET, key="claims/incoming/../a.png"), "not a claim's id"),
        ({"claim": {"id": "C-1", "images": []}}, "1 to 10"),
        ({"claim": {"id": "C-1", "images": [f"s3://{support.BUCKET}/k"] * 11}}, "1 to 10"),
        ({"claim": {"id": "C#1", "images": [f"s3://{support.BUCKET}/k"]}}, "not a claim's id"),
        ({"claim": {"id": "x" * 65, "images": [f"s3://{support.BUCKET}/k"]}}, "not a claim's id"),
        ({"claim": {"id": 17, "images": [f"s3://{support.BUCKET}/k"]}}, "claim.id"),
        ({"claim": {"id": "C-1", "images": ["front.png"]}}, "not an S3 address"),
    ],
)
def test_a_malformed_submission_is_named_and_no_model_is_asked(assess, event, says):
    with pytest.raises(errors.InvalidEvent, match=says):
        assess(seen(), event=event)
    assert not assess.models.asked


def test_another_bucket_is_refused(assess):
    with pytest.raises(errors.BucketNotAllowed):
        assess(seen(), event={"claim": {"id": "C-1", "images": ["s3://somebody-elses/k.png"]}})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (PICTURE[:60], "TruncatedImage"),
        (b"", "TruncatedImage"),
        (b"GIF89a" + b"\0" * 50, "UnsupportedImage"),
        (support.png(200, 200), "ImageTooLarge"),
        (PICTURE + b"\0" * 100_000, "ImageTooLarge"),
    ],
)
def test_a_photo_that_cannot_be_judged_fails_the_claim(assess, s3, content, error):
    image = put(s3, "claims/incoming/C-17/bad.png", content)
    with pytest.raises(getattr(errors, error)):
        assess(seen(), event={"claim": {"id": "C-17", "images": [assess.image, image]}})


def test_a_missing_photo_is_told_as_missing(assess):
    with pytest.raises(errors.ImageNotFound):
        assess(seen(), event=upload(**assess.image | {"key": "claims/incoming/C-17/none.png"}))


INVALID = "ModelAnswerInvalid"
CAT = answer({"predictions": [{"label": "cat", "index": 0, "probability": 1}]})


@pytest.mark.parametrize(
    ("detector", "classifier", "error", "says"),
    [
        (failure("ThrottlingException"), damage(1), "ModelUnavailable", "slipway-test-claims-detector"),
        (seen(car(0.9)), failure("ServiceUnavailable", 503), "ModelUnavailable", "slipway-test-claims'"),
        (failure("ModelError", 424, OriginalStatusCode=400), damage(1), "ModelRefusedImage", "400"),
        (failure("ValidationError"), damage(1), "EndpointUnusable", "DETECTOR_ENDPOINT_NAME"),
        (seen(car(2)), damage(1), INVALID, "predictions"),
        (seen(car(0.9) | {"box": [5, 0, 1, 1]}), damage(1), INVALID, "predictions"),
        (seen(car(0.9) | {"box": [0, 0, 1]}), damage(1), INVALID, "predictions"),
        (damage(1), damage(1), INVALID, "predictions"),
        (seen(car(0.9)), answer({"predictions": []}), INVALID, "no class"),
        (seen(car(0.9)), CAT, INVALID, "no class damaged"),
        (Reply(200, b"not JSON"), damage(1), INVALID, "predictions"),
    ],
)
def test_a_model_that_fails_is_no_verdict(assess, detector, classifier, error, says):
    with pytest.raises(getattr(errors, error), match=says):
        assess(detector, classifier)


@pytest.mark.parametrize("name", ["CAR_THRESHOLD", "DAMAGE_THRESHOLD"])
@pytest.mark.parametrize("value", ["0", "1.01", "nan", "high"])
def test_a_threshold_that_would_decide_nothing_is_refused(assess, environment, name, value):
    environment.setenv(name, value)
    with pytest.raises(errors.InvalidSetting, match=name):
        assess(seen())


def test_no_question_is_begun_that_could_not_end_in_time(assess):
    with pytest.raises(errors.OutOfTime):
        assess(seen(), context=support.Context((200_000, 5_000)))
