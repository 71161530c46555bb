"""The handlers against real servers that are slow, broken or overloaded: an answer or a known error, in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.unit import functions_support as support
from tests.unit.lambda_functions.scripted import Reply, Scripted, answer, failure, piece, refusal
from tests.unit.lambda_functions.tls import serve_tls

answers = support.common("answers")
aws = support.common("aws")
endpoints = support.common("endpoints")
errors = support.common("errors")
storage = support.common("storage")

PICTURE = support.png(30, 20)
CONTEXT = support.Context()
REFERENCE = {"bucket": support.BUCKET, "key": "in/a.png"}
CLAIM = {"image": {**REFERENCE, "version": "v1", "size": len(PICTURE), "format": "png", "width": 30, "height": 20}}
SERVED = answer({"predictions": [{"label": "bicycle", "index": 0, "probability": 0.9}], "model": {"version": "1"}})
# Three attempts of an impatient connection take a second; a machine that does other things takes longer.
BOUND_S = 10.0


@contextmanager
def within(seconds: float = BOUND_S) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


@pytest.fixture
def s3(environment, scripted):
    """Put a scripted S3 in the place of the real one."""

    def start(*steps: Any) -> Scripted:
        server = scripted(*steps)
        environment.setenv("AWS_ENDPOINT_URL_S3", server.url)
        return server

    return start


@pytest.fixture
def endpoint(environment, scripted):
    def start(*steps: Any) -> Scripted:
        server = scripted(*steps)
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
        return server

    return start


# --- S3 ---------------------------------------------------------------------------------------------------------------

PASSING = {
    "silent": Reply(fault="stall"),
    "stops in the middle": piece(PICTURE, fault="cut"),
    "falls silent in the middle": piece(PICTURE, fault="choke"),
    "reset": Reply(fault="reset"),
    "no HTTP": Reply(body=b"\x16\x03\x01 garbage\r\n\r\n", fault="garbage"),
    "slow down": refusal("SlowDown", 503),
    "a proxy's page": Reply(502, b"<html>Bad Gateway</html>"),
}
NONSENSE = {
    "no range": Reply(200, PICTURE),
    "an unknown size": Reply(206, PICTURE, {"Content-Range": "bytes 0-9/*"}),
    "more than asked for": piece(PICTURE + b"\0" * 2**17),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_fault_of_s3_that_passes_is_survived(s3, impatient, pauses, fault):
    server = s3(fault, piece(PICTURE))
    with within():
        claim = impatient("serialize_image").handle(REFERENCE, CONTEXT)["image"]
    assert (claim["size"], claim["width"], claim["version"]) == (len(PICTURE), 30, "v1")
    assert (len(server.calls), len(pauses)) == (2, 1)


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_fault_of_s3_that_lasts_ends_in_time_with_an_error_that_the_workflow_retries(s3, impatient, pauses, fault):
    server = s3(fault)
    with within(), pytest.raises(errors.StorageUnavailable):
        impatient("serialize_image").handle(REFERENCE, CONTEXT)
    assert len(server.calls) == 3


@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE)
def test_what_is_not_the_range_that_was_asked_for_is_never_taken_for_the_image(s3, impatient, reply):
    s3(reply)
    with pytest.raises(errors.StorageUnavailable, match="NoRange"):
        impatient("serialize_image").handle(REFERENCE, CONTEXT)


def test_an_answer_that_trickles_is_cut_when_its_attempt_is_over(s3, pauses):
    server = s3(piece(b"x" * 400, fault="trickle"))
    connection = aws.Connection(connect_s=0.2, read_s=0.3, attempts=1)
    with within(connection.attempt_s + 3), pytest.raises(answers.NoAnswerError, match="AnswerTooSlow") as caught:
        storage.get_range(storage.Caller(connection, CONTEXT), "a-bucket", "k", 0, 400)
    assert caught.value.silent
    assert len(server.calls) == 1


def test_no_answer_is_read_without_end(s3, monkeypatch):
    monkeypatch.setattr(aws, "_LARGEST_ANSWER", 10**5)
    s3(Reply(200, b"<" * 200_000))
    connection = aws.Connection(connect_s=1, read_s=1, attempts=1)
    with pytest.raises(answers.NoAnswerError, match="AnswerTooLong"):
        list(storage.listing(storage.Caller(connection, CONTEXT), "a-bucket", "p"))


def test_a_server_that_is_not_there_is_storage_that_may_come_back(environment, impatient, pauses, scripted):
    gone = scripted(Reply())
    gone.stop()
    environment.setenv("AWS_ENDPOINT_URL_S3", gone.url)
    with within(), pytest.raises(errors.StorageUnavailable, match="NewConnectionError"):
        impatient("serialize_image").handle(REFERENCE, CONTEXT)
    assert len(pauses) == 2


def test_reading_gives_up_early_enough_for_the_function_to_say_so(s3, impatient, pauses):
    server = s3(refusal("SlowDown", 503))
    left = support.Context((5_000, 1_200))
    with pytest.raises(errors.StorageUnavailable, match="SlowDown"):
        impatient("serialize_image").handle(REFERENCE, left)
    assert (len(server.calls), pauses) == (1, [])
    with pytest.raises(errors.OutOfTime):
        impatient("serialize_image").handle(REFERENCE, support.Context((900,)))
    assert len(server.calls) == 1


# --- the endpoint -----------------------------------------------------------------------------------------------------


@pytest.fixture
def classify(s3, impatient, pauses):
    s3(piece(PICTURE))
    return impatient("classify_image")


def test_throttling_that_ends_is_waited_out_and_retry_after_honoured(classify, endpoint, pauses):
    throttled = failure("ThrottlingException", 400)
    throttled.headers["Retry-After"] = "3"
    server = endpoint(throttled, failure("ModelError", 424, OriginalStatusCode=429), SERVED)
    assert classify.handle(CLAIM, CONTEXT)["predictions"][0]["label"] == "bicycle"
    assert len(server.calls) == 3
    assert pauses[0] == 3
    assert pauses[1] < 3


@pytest.mark.parametrize(
    "fault",
    [failure("ThrottlingException", 400), failure("ServiceUnavailable", 503), Reply(fault="reset"), Reply(503)],
)
def test_what_lasts_for_ever_is_model_unavailable_in_time_and_in_the_end_one_call_per_event(
    classify, endpoint, pauses, fault
):
    server = endpoint(fault)
    calls = []
    for _ in range(8):
        before = len(server.calls)
        with within(), pytest.raises(errors.ModelUnavailable):
            classify.handle(CLAIM, CONTEXT)
        calls.append(len(server.calls) - before)
    # Reading the image succeeds each time and pays 1 back.
    assert calls[0] == 3
    assert calls[-1] == 1


def test_a_burst_of_errors_costs_no_event(classify, endpoint, pauses):
    burst = [failure("InternalFailure", 500), Reply(fault="reset")]
    server = endpoint(*[step for _ in range(4) for step in (*burst, SERVED)], SERVED)
    for _ in range(5):
        assert classify.handle(CLAIM, CONTEXT)["predictions"]
    assert len(server.calls) == 13


def test_a_model_that_stays_silent_is_left_to_the_workflows_longer_pauses(classify, endpoint, pauses):
    server = endpoint(Reply(fault="stall"))
    with within(), pytest.raises(errors.ModelUnavailable, match="ReadTimeoutError"):
        classify.handle(CLAIM, CONTEXT)
    assert (len(server.calls), pauses) == (1, [])


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\x00" * 100, b'{"predictions": ' + b"[" * 100_000, b"[" * 100_000, b'{"predictions": [1e999]}'],
    ids=lambda body: str(body[:20]),
)
def test_a_malformed_answer_is_no_crash(classify, endpoint, body):
    endpoint(Reply(200, body))
    with within(), pytest.raises(errors.ModelAnswerInvalid):
        classify.handle(CLAIM, CONTEXT)


# --- connections ------------------------------------------------------------------------------------------------------


def test_one_connection_serves_all_events_until_it_breaks(classify, endpoint, pauses):
    server = endpoint(SERVED)
    for _ in range(5):
        classify.handle(CLAIM, CONTEXT)
    assert len({call.connection for call in server.calls}) == 1
    server.steps = [Reply(200, b"{}", fault="cut"), SERVED]
    classify.handle(CLAIM, CONTEXT)
    assert len({call.connection for call in server.calls}) == 2


def test_a_connection_that_was_closed_while_the_environment_slept_costs_no_retry(classify, endpoint, pauses):
    closing = Reply(200, SERVED.body, SERVED.headers, fault="close")
    server = endpoint(closing)
    for _ in range(3):
        classify.handle(CLAIM, CONTEXT)
    assert len(server.calls) == 3
    assert not pauses


def test_only_a_server_with_a_certificate_that_is_trusted_gets_the_image(environment, scripted, tmp_path):
    server = scripted(piece(PICTURE))
    trusted = serve_tls(server, tmp_path, "localhost")
    url = f"https://localhost:{server.url.rpartition(':')[2]}"
    environment.setenv("AWS_ENDPOINT_URL_S3", url)

    def read() -> Any:
        connection = aws.Connection(connect_s=1, read_s=1, attempts=1)
        return storage.get_range(storage.Caller(connection, CONTEXT), "a-bucket", "k", 0, 2**16)

    with pytest.raises(answers.NoAnswerError, match="SSLError"):
        read()
    assert not server.calls
    environment.setenv("AWS_CA_BUNDLE", trusted)
    assert read().data == PICTURE
    environment.setenv("AWS_ENDPOINT_URL_S3", url.replace("localhost", "127.0.0.1"))
    with pytest.raises(answers.NoAnswerError, match="SSLError"):
        read()
