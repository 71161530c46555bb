"""A call that was done is not done twice because its answer got lost."""

from __future__ import annotations

from http.client import HTTPConnection

import pytest
from botocore.exceptions import ClientError

from rehearsal.aws.replay import Replay


def ask(app, name, attempt, method="POST", path="/"):
    said = []

    def start(status, headers, exc_info=None):
        said.append(status)

    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_AMZ_SDK_INVOCATION_ID": name,
        "HTTP_AMZ_SDK_REQUEST": f"attempt={attempt}; max=25",
    }
    body = b"".join(app(environ, start))
    return said[0], body


@pytest.fixture
def counting():
    calls = []

    def app(environ, start_response):
        calls.append(environ["PATH_INFO"])
        start_response("400 Bad" if environ["PATH_INFO"] == "/bad" else "200 OK", [("Content-Length", "1")])
        return [str(len(calls)).encode()]

    return Replay(app), calls


def test_a_second_attempt_gets_the_first_answer(counting):
    app, calls = counting
    assert ask(app, "a", 1) == ask(app, "a", 2) == ("200 OK", b"1")
    assert ask(app, "b", 1) == ("200 OK", b"2")
    assert len(calls) == 2


def test_failures_reads_invocations_and_unknown_attempts_are_passed_on(counting):
    app, calls = counting
    ask(app, "a", 1, path="/bad")
    ask(app, "a", 2, path="/bad")
    ask(app, "b", 1, method="GET")
    ask(app, "b", 2, method="GET")
    ask(app, "c", 1, path="/endpoints/e/invocations")
    ask(app, "c", 2, path="/endpoints/e/invocations")
    ask(app, "never seen", 2)
    assert len(calls) == 7


def test_a_repeated_delete_succeeds_and_a_new_one_does_not(aws, client, name):
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    headers = {
        "X-Amz-Target": "AmazonSQS.DeleteQueue",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20300101/eu-west-1/sqs/aws4_request, Signature=x",
        "amz-sdk-invocation-id": name,
    }
    connection = HTTPConnection(aws.endpoint.removeprefix("http://"))
    for attempt in (1, 2):
        body = f'{{"QueueUrl": "{url}"}}'
        connection.request("POST", "/", body, {**headers, "amz-sdk-request": f"attempt={attempt}; max=3"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()
    with pytest.raises(ClientError):
        client("sqs").delete_queue(QueueUrl=url)
