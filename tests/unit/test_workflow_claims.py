"""What the assessment of claims does in moto's interpreter, with our handlers, two models and a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from tests.lazily import Lazily
from tests.unit import asl_support as asl
from tests.unit import functions_support as support
from tests.unit.lambda_functions.scripted import Call, Reply, Scripted, answer, failure

states_interpreter = Lazily("tests.unit.states_interpreter")
FUNCTIONS = asl.FUNCTIONS["assess_claims"]
TABLE = "slipway-test-claims-records"
# What a photo shows, by its width.
NO_CAR, WHOLE, DAMAGED, BUSY = 11, 12, 13, 14


class Models:
    """Both endpoints: what they see depends on the photo's width."""

    def __init__(self) -> None:
        self.busy = True

    def __call__(self, call: Call) -> Reply:
        width = int.from_bytes(call.body[16:20], "big")
        if width == BUSY and self.busy:
            self.busy = False
            return failure("ModelError", 424, OriginalStatusCode=503, OriginalMessage="busy")
        model = {"name": "test", "version": "v7"}
        if "detector" in call.target:
            box = {"label": "car", "index": 0, "score": 0.9, "box": [1, 1, 9, 9]}
            return answer({"predictions": [] if width == NO_CAR else [box], "model": model})
        damaged = 0.2 if width == WHOLE else 0.95
        shares = {"damaged": damaged, "whole": 1 - damaged}
        both = [{"label": label, "index": k, "probability": p} for k, (label, p) in enumerate(shares.items())]
        return answer({"predictions": both, "model": model})


class World:
    """Bucket, table, topic with a queue behind it, functions."""

    def __init__(self) -> None:
        self.s3, self.dynamodb = boto3.client("s3"), boto3.resource("dynamodb")
        self.s3.create_bucket(Bucket=support.BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.s3.put_bucket_versioning(Bucket=support.BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("claim", "entry")],
            KeySchema=[{"AttributeName": "claim", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        )
        sns, self.sqs = boto3.client("sns"), boto3.client("sqs")
        self.topic = sns.create_topic(Name="failures")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="heard")["QueueUrl"]
        described = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=described["Attributes"]["QueueArn"])
        self.runs = 0

    def upload(self, key: str, body: bytes) -> dict[str, Any]:
        """Put an object; returns the detail of the event that S3 makes of it."""
        version = self.s3.put_object(Bucket=support.BUCKET, Key=key, Body=body)["VersionId"]
        thing = {"key": key, "version-id": version, "size": len(body), "etag": "e", "sequencer": "0"}
        return {"version": "0", "bucket": {"name": support.BUCKET}, "object": thing, "reason": "PutObject"}

    def start(self, given: Any, topic: str | None = None) -> dict[str, Any]:
        self.runs += 1
        definition = asl.render(
            "assess_claims",
            **{function: function for function in FUNCTIONS},
            console_url="https://console.example/#/v2/executions/details",
            partition="aws",
            topic_arn=topic or self.topic,
            workload="claims",
        )
        ended: dict[str, Any] = states_interpreter.run(definition, given, f"run-{self.runs}")
        return ended

    def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.dynamodb.Table(TABLE).scan()["Items"]
        return found

    def heard(self) -> list[dict[str, Any]]:
        found = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            found += [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def world(monkeypatch) -> Iterator[World]:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "ALLOWED_BUCKETS": support.BUCKET,
        "ENDPOINT_NAME": "slipway-test-claims",
        "DETECTOR_ENDPOINT_NAME": "slipway-test-claims-detector",
        "INCOMING_PREFIX": "claims/incoming/",
        "TABLE_NAME": TABLE,
        "LOG_LEVEL": "ERROR",
    }.items():
        monkeypatch.setenv(name, value)
    handlers = {name: support.load(name) for name in FUNCTIONS}
    monkeypatch.setattr(support.common("retry"), "time", SimpleNamespace(sleep=lambda _: None))
    lambdas = {
        name: (lambda event, module=module: module.handle(event, support.Context((200_000,))))
        for name, module in handlers.items()
    }
    models = Scripted(Models())
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", models.url)
    try:
        with states_interpreter.interpreter(lambdas), support.moto_server() as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
            monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
            yield World()
    finally:
        models.stop()


def test_uploads_and_direct_claims_end_in_records_once_and_audits_are_told(world):
    damaged = world.upload("claims/incoming/C-1/front.png", support.png(DAMAGED, 8))
    whole = world.upload("claims/incoming/C-2/front.png", support.png(WHOLE, 8))
    busy = world.upload("claims/incoming/C-3/front.png", support.png(BUSY, 8))
    empty = world.upload("claims/incoming/C-4/front.png", support.png(NO_CAR, 8))
    images = [{"bucket": support.BUCKET, "key": one["object"]["key"]} for one in (whole, empty, damaged)]
    together = {"claim": {"id": "C-5", "images": images}}
    ended = [world.start(given) for given in (damaged, whole, busy, empty, together, damaged)]
    assert {one["status"] for one in ended} == {"SUCCEEDED"}, ended
    told = [(one["output"]["claim"], one["output"]["status"], one["output"]["reason"]) for one in ended]
    assert told == [
        ("C-1", "recorded", "damage"),
        ("C-2", "recorded", "no_damage"),
        ("C-3", "recorded", "damage"),
        ("C-4", "recorded", "no_car"),
        ("C-5", "recorded", "damage"),
        ("C-1", "duplicate", "damage"),
    ]
    records = {record["claim"]: record for record in world.records()}
    assert len(records) == len(world.records()) == 5
    assert records["C-1"]["execution"] == ended[0]["executionArn"]
    assert records["C-1"]["photos"][0]["version"] == damaged["object"]["version-id"]
    assert [photo["reason"] for photo in records["C-5"]["photos"]] == ["no_damage", "no_car", "damage"]
    audits = world.heard()
    assert sorted(message["result"]["claim"] for message in audits) == ["C-2", "C-4"]
    assert all(message["result"]["verdict"] == "audit" for message in audits)


def test_a_folder_is_no_photo(world):
    ended = world.start(world.upload("claims/incoming/C-1/", b""))
    assert (ended["status"], ended["output"]["status"]) == ("SUCCEEDED", "skipped")
    assert not world.records()


def test_a_topic_that_is_gone_loses_no_verdict(world):
    ended = world.start(world.upload("claims/incoming/C-1/a.png", support.png(NO_CAR, 8)), topic=world.topic + "-gone")
    assert (ended["status"], ended["output"]["status"]) == ("SUCCEEDED", "recorded")
    assert len(world.records()) == 1


def test_what_cannot_be_assessed_fails_and_is_told_with_all_that_was_submitted(world, monkeypatch):
    cut = world.upload("claims/incoming/C-1/cut.png", support.png(DAMAGED, 8)[:-4])
    loose = world.upload("claims/incoming/loose.png", support.png(DAMAGED, 8))
    missing = {"claim": {"id": "C-2", "images": [f"s3://{support.BUCKET}/claims/incoming/C-2/none.png"]}}
    wanted = {"TruncatedImage": cut, "InvalidEvent": loose, "ImageNotFound": missing}
    for error, given in wanted.items():
        ended = world.start(given)
        assert (ended["status"], ended["error"]) == ("FAILED", error), ended
        (message,) = world.heard()
        assert message["caught"] == {"Error": error, "Cause": ended["cause"]}
        assert message["submission"] == given
        assert message["console"].endswith(f"/details/{ended['executionArn']}")
    monkeypatch.setenv("TABLE_NAME", "slipway-test-no-such-table")
    ended = world.start(world.upload("claims/incoming/C-3/a.png", support.png(DAMAGED, 8)))
    assert (ended["status"], ended["error"]) == ("FAILED", "TableUnusable")
    assert not world.records()


REFUSED = (
    ({}, "neither claim nor object"),
    ([], "neither claim nor object"),
    ({"claim": {"id": "C-1", "images": ["s3://b/k"]}, "object": {"key": "k"}}, "both claim and object"),
    ({"object": {"key": "k"}}, "detail of S3's event"),
    ({"bucket": {"name": "b"}, "object": {"key": ""}}, "detail of S3's event"),
    ({"bucket": {"name": 7}, "object": {"key": "k"}}, "detail of S3's event"),
    ({"claim": {"id": "C-1", "images": []}}, "1 to 10 photos"),
    ({"claim": {"id": "", "images": ["s3://b/k"]}}, "1 to 10 photos"),
    ({"claim": {"images": ["s3://b/k"]}}, "1 to 10 photos"),
    ({"claim": "C-1"}, "1 to 10 photos"),
    ({"claim": {"id": "C-1", "images": ["s3://b/k"] * 11}}, "more than 10"),
)


def test_an_input_that_is_none_fails_with_its_reason_and_is_told(world):
    for given, says in REFUSED:
        ended = world.start(given)
        assert (ended["status"], ended["error"]) == ("FAILED", "InvalidInput"), given
        assert says in ended["cause"], given
        (message,) = world.heard()
        assert (message["caught"]["Cause"], message["submission"]) == (ended["cause"], given)
