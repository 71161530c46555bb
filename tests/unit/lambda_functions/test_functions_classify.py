"""classify_image against a real S3 and a scripted endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit import functions_support as support
from tests.unit.lambda_functions.conftest import put
from tests.unit.lambda_functions.scripted import Reply, Scripted, answer, failure

errors = support.common("errors")
CONTEXT = support.Context()
PICTURE = support.png(30, 20)
CONTENT = {
    "predictions": [
        {"label": "bicycle", "index": 0, "probability": 0.2},
        {"label": "motorcycle", "index": 1, "probability": 0.71234567},
        {"label": "train", "index": 2, "probability": 0.1},
    ],
    "model": {"name": "vehicles", "version": "2024-01"},
}
ANSWER = answer(CONTENT)


@pytest.fixture
def classify(s3, environment, scripted, pauses):
    """Classify one stored image against an endpoint that goes through ``steps``; returns (answer, endpoint)."""
    image = put(s3, "in/a.png", PICTURE)
    claim = {**image, "size": len(PICTURE), "format": "png", "width": 30, "height": 20}

    def ask(*steps: Reply, context: Any = CONTEXT, **changes: Any) -> tuple[dict[str, Any], Scripted]:
        ask.endpoint = scripted(*steps)
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", ask.endpoint.url)
        support.load("classify_image").AWS.retries.quota = 50
        pauses.clear()
        return support.load("classify_image").handle({"image": {**claim, **changes}}, context), ask.endpoint

    return ask


def test_the_best_classes_come_back_with_their_names(classify):
    answered, endpoint = classify(ANSWER)
    assert answered["predictions"] == [
        {"label": "motorcycle", "index": 1, "probability": 0.712346},
        {"label": "bicycle", "index": 0, "probability": 0.2},
    ]
    assert answered["model"] == {"variant": "primary", "version": "2024-01"}
    assert answered["image"]["key"] == "in/a.png"
    (call,) = endpoint.calls
    assert (call.method, call.target) == ("POST", "/endpoints/slipway-test-vehicles/invocations")
    assert call.body == PICTURE
    assert (call.headers["content-type"], call.headers["accept"]) == ("image/png", "application/json")


def test_the_claimed_version_is_sent_though_a_newer_one_exists(classify, s3):
    put(s3, "in/a.png", support.png(1, 1))
    _, endpoint = classify(ANSWER)
    assert endpoint.calls[0].body == PICTURE


@pytest.mark.parametrize(
    "passing",
    [
        failure("ThrottlingException", 400),
        failure("ModelNotReadyException", 429),
        failure("ServiceUnavailable", 503),
        failure("InternalFailure", 500),
        failure("InternalDependencyException", 530),
        failure("ModelError", 424, OriginalStatusCode=503, OriginalMessage="queue full"),
        failure("ModelError", 424, OriginalStatusCode=429),
        failure("ModelError", 424, OriginalStatusCode=500),
        failure("ModelError", 424, OriginalStatusCode=0, OriginalMessage="could not get a response"),
        failure("ModelError", 424),
        Reply(502, b"<html><body>Bad gateway</body></html>"),
        Reply(fault="reset"),
        Reply(body=b"{}", headers={"Content-Length": "70"}, fault="cut"),
    ],
    ids=lambda step: step.fault or f"{step.status} {step.body[:60]!r}",
)
def test_what_passes_is_tried_again_with_growing_pauses_and_then_left_to_the_workflow(classify, pauses, passing):
    answered, endpoint = classify(passing, passing, ANSWER)
    assert answered["predictions"]
    assert len(endpoint.calls) == 3
    assert len(pauses) == 2
    assert 0 <= pauses[0] <= 0.4
    assert 0 <= pauses[1] <= 0.8
    with pytest.raises(errors.ModelUnavailable):
        classify(passing)
    assert len(classify.endpoint.calls) == 3


@pytest.mark.parametrize(
    ("lasting", "error", "says"),
    [
        (failure("ModelError", 424, OriginalStatusCode=400, OriginalMessage="no image"), "ModelRefusedImage", "400 no"),
        (failure("ModelError", 424, OriginalStatusCode=413), "ModelRefusedImage", "413"),
        (failure("ModelError", 424, OriginalStatusCode=415), "ModelRefusedImage", "415"),
        (failure("ValidationError", 400), "EndpointUnusable", "ValidationError"),
        (failure("AccessDeniedException", 403), "EndpointUnusable", "AccessDeniedException"),
        (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), "EndpointUnusable", "302"),
    ],
)
def test_what_lasts_is_not_asked_again(classify, pauses, lasting, error, says):
    with pytest.raises(getattr(errors, error), match=says):
        classify(lasting, ANSWER)
    assert len(classify.endpoint.calls) == 1
    assert not pauses


def test_no_attempt_is_begun_that_could_not_end_in_time(classify):
    busy = failure("ThrottlingException")
    with pytest.raises(errors.OutOfTime, match="is less than a call's 15"):
        classify(ANSWER, context=support.Context((14_000,)))
    assert not classify.endpoint.calls
    with pytest.raises(errors.ModelUnavailable, match="ThrottlingException"):
        classify(busy, ANSWER, context=support.Context((60_000, 60_000, 9_000)))
    assert len(classify.endpoint.calls) == 1


def test_keys_that_are_missing_are_named(classify, environment):
    environment.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(errors.InvalidSetting, match="AWS_SECRET_ACCESS_KEY '': is not set"):
        classify(ANSWER)


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
        classify(Reply(body=body))


def test_an_answer_without_a_version_is_taken(classify):
    answered, _ = classify(answer({"predictions": CONTENT["predictions"]}))
    assert answered["model"] == {"variant": "primary", "version": None}


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


def decision(**changes: Any) -> Reply:
    made = {"verdict": "abstain", "positive": "motorcycle", "probability": 0.4, "threshold": 0.35}
    return answer({**CONTENT, "decision": {**made, **changes}})


def test_what_the_model_decides_is_passed_on(classify):
    assert classify(ANSWER)[0]["decision"] is None
    decided = {"verdict": "abstain", "positive": "motorcycle", "probability": 0.4, "threshold": 0.35}
    assert classify(decision())[0]["decision"] == decided
    assert classify(decision(positive=None))[0]["decision"] == {**decided, "positive": ""}


@pytest.mark.parametrize(
    "changes", [{"verdict": "maybe"}, {"probability": 1.5}, {"threshold": "x"}, {"positive": 3}, {"probability": True}]
)
def test_a_malformed_decision_is_no_answer(classify, changes):
    with pytest.raises(errors.ModelAnswerInvalid):
        classify(decision(**changes))
