"""What the classification does in moto's interpreter, with our handlers."""

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
FUNCTIONS = asl.FUNCTIONS["classify_images"]
HISTORY_EVENTS = 25_000  # Step Functions: events in one execution's history
LOW_WIDTH, BUSY_WIDTH = 33, 44  # images of these widths get a low probability, or a model that is not ready at first


class Model:
    """Stands for the endpoint: a motorcycle, whose probability depends on the image's width."""

    def __init__(self) -> None:
        self.busy: set[bytes] = set()

    def __call__(self, call: Call) -> Reply:
        width = int.from_bytes(call.body[16:20], "big")
        if width == BUSY_WIDTH and call.body not in self.busy:
            self.busy.add(call.body)
            return failure("ModelError", 424, OriginalStatusCode=503, OriginalMessage="busy")
        sure = 0.61 if width == LOW_WIDTH else 0.98
        both = (
            {"label": "motorcycle", "index": 1, "probability": sure},
            {"label": "bicycle", "index": 0, "probability": 1 - sure},
        )
        return answer({"predictions": both, "model": {"name": "test", "version": "v7"}})


class Run:
    """The workflow in a world of its own: bucket, topic with a queue behind it, functions."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket=support.BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.s3.put_bucket_versioning(Bucket=support.BUCKET, VersioningConfiguration={"Status": "Enabled"})
        sns, self.sqs = boto3.client("sns"), boto3.client("sqs")
        self.topic = sns.create_topic(Name="failures")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="heard")["QueueUrl"]
        queue_arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=queue_arn)

    def put(self, key: str, body: bytes) -> dict[str, str]:
        self.s3.put_object(Bucket=support.BUCKET, Key=key, Body=body)
        return {"bucket": support.BUCKET, "key": key}

    def start(self, given: Any, name: str = "run-1", topic: str | None = None) -> dict[str, Any]:
        definition = asl.render(
            "classify_images",
            **{function: function for function in FUNCTIONS},
            console_url="https://console.example/#/v2/executions/details",
            data_bucket=support.BUCKET,
            partition="aws",
            results_prefix="vehicles/results",
            topic_arn=topic or self.topic,
            workload="vehicles",
        )
        return states_interpreter.run(definition, given, name)

    def manifest(self, name: str = "run-1") -> list[dict[str, Any]]:
        body = self.s3.get_object(Bucket=support.BUCKET, Key=f"vehicles/results/{name}/manifest.jsonl")["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def summary(self, name: str = "run-1") -> dict[str, Any]:
        return json.load(self.s3.get_object(Bucket=support.BUCKET, Key=f"vehicles/results/{name}/summary.json")["Body"])

    def heard(self) -> list[dict[str, Any]]:
        found = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            found += [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def world(monkeypatch) -> Iterator[Run]:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "ALLOWED_BUCKETS": support.BUCKET,
        "ENDPOINT_NAME": "slipway-test-vehicles",
        "TOP_K": "2",
        "RESULTS_BUCKET": support.BUCKET,
        "RESULTS_PREFIX": "vehicles/results",
        "LOG_LEVEL": "ERROR",
    }.items():
        monkeypatch.setenv(name, value)
    handlers = {name: support.load(name) for name in FUNCTIONS}
    monkeypatch.setattr(support.common("retry"), "time", SimpleNamespace(sleep=lambda _: None))
    lambdas = {
        name: (lambda event, module=module: module.handle(event, support.Context()))
        for name, module in handlers.items()
    }
    model = Scripted(Model())
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", model.url)
    try:
        with states_interpreter.interpreter(lambdas), support.moto_server() as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
            yield Run()
    finally:
        model.stop()


def test_a_list_of_sixty_with_every_kind_of_trouble_yields_a_line_each(world):
    images: list[Any] = [world.put(f"vehicles/incoming/{n:02}.png", support.png(10 + n % 5, 8)) for n in range(54)]
    images += [
        world.put("vehicles/incoming/low.png", support.png(LOW_WIDTH, 8)),
        world.put("vehicles/incoming/busy.png", support.png(BUSY_WIDTH, 8)),
        world.put("vehicles/incoming/poisoned.png", b"%PDF-1.7 not an image"),
        f"s3://{support.BUCKET}/vehicles/incoming/missing.png",
        f"s3://{support.BUCKET}/vehicles/incoming/00.png",
        {"bucket": "somebody-elses", "key": "x.png"},
    ]
    ended = world.start({"images": images})
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    lines = world.manifest()
    assert [line["index"] for line in lines] == list(range(60))
    assert [line["key"] for line in lines[:54]] == [image["key"] for image in images[:54]]
    assert {line["status"] for line in lines[:54]} == {"classified"}
    assert all(
        line["version"] and line["label"] == "motorcycle" and line["model"]["version"] == "v7" for line in lines[:54]
    )
    assert lines[54]["status"] == "for_review"
    assert lines[54]["reason"] == "probability 0.61 is below the threshold 0.93"
    assert lines[55]["status"] == "classified", "a model that was not ready is asked again"
    assert [(line["status"], line["error"]) for line in lines[56:]] == [
        ("failed", "UnsupportedImage"),
        ("failed", "ImageNotFound"),
        ("classified", None),
        ("failed", "BucketNotAllowed"),
    ]
    assert "PDF" in lines[56]["reason"]
    counts = {"classified": 56, "for_review": 1, "failed": 3, "skipped": 0, "total": 60}
    assert ended["output"]["counts"] == counts == world.summary()["counts"]
    assert world.summary()["execution"] == ended["executionArn"]
    heard = world.heard()
    assert sorted(message["result"]["error"] for message in heard) == [
        "BucketNotAllowed",
        "ImageNotFound",
        "UnsupportedImage",
    ]
    assert all(message["console"].endswith(f"/details/{ended['executionArn']}") for message in heard)
    assert len(ended["history"]) < HISTORY_EVENTS


def test_low_confidence_that_is_raised_is_kept_for_review_and_reported(world, monkeypatch):
    monkeypatch.setenv("LOW_CONFIDENCE", "raise")
    low = world.put("vehicles/incoming/low.png", support.png(LOW_WIDTH, 8))
    ended = world.start({"images": [low, world.put("vehicles/incoming/good.png", support.png())]})
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    doubtful, good = world.manifest()
    assert (doubtful["status"], doubtful["label"], doubtful["probability"]) == ("for_review", "motorcycle", 0.61)
    assert good["status"] == "classified"
    (message,) = world.heard()
    assert (message["result"]["status"], message["result"]["error"]) == ("for_review", "LowConfidence")


def test_a_topic_that_is_gone_does_not_sink_the_batch(world):
    good = world.put("vehicles/incoming/good.png", support.png())
    bad = world.put("vehicles/incoming/bad.png", b"GIF89a")
    ended = world.start({"images": [bad, good]}, topic=world.topic + "-gone")
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert [line["status"] for line in world.manifest()] == ["failed", "classified"]


def test_a_prefix_is_classified_object_by_object(world):
    for number in range(20):
        world.put(f"vehicles/incoming/a/{number:02}.png", support.png(10, 8))
    world.put("vehicles/incoming/a/low.png", support.png(LOW_WIDTH, 8))
    world.put("vehicles/incoming/a/empty.png", b"")
    world.put("vehicles/incoming/a/cut.png", support.png(10, 8)[:-4])
    world.put("vehicles/incoming/a/", b"")
    world.put("vehicles/incoming/b/other.png", support.png())
    ended = world.start({"prefix": {"bucket": support.BUCKET, "prefix": "vehicles/incoming/a/"}})
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    by_key = {line["key"].rpartition("/")[2]: line for line in world.manifest()}
    assert len(by_key) == len(world.manifest()) == 23
    assert by_key["low.png"]["status"] == "for_review"
    assert by_key["empty.png"]["error"] == by_key["cut.png"]["error"] == "TruncatedImage"
    assert by_key["07.png"]["status"] == "classified"
    assert ended["output"]["counts"] == {"classified": 20, "for_review": 1, "failed": 2, "skipped": 1, "total": 23}
    assert len(world.heard()) == 2


REFUSED = (
    ({"images": []}, "images is empty"),
    ({"images": "s3://b/k"}, "images is empty, or no list"),
    ({}, "neither images nor prefix"),
    ([], "neither images nor prefix"),
    ({"pictures": []}, "neither images nor prefix"),
    ({"images": ["s3://b/k"], "prefix": {"bucket": "b", "prefix": "p"}}, "both images and prefix"),
    ({"images": ["s3://b/k"] * 201}, "more than 200"),
    ({"prefix": {"bucket": support.BUCKET, "prefix": ""}}, "prefix must be"),
    ({"prefix": {"bucket": support.BUCKET, "prefix": 7}}, "prefix must be"),
    ({"prefix": {"bucket": "another", "prefix": "p/"}}, support.BUCKET),
    ({"prefix": "s3://b/p/"}, "prefix must be"),
)


def test_an_input_that_is_none_fails_with_its_reason_and_is_reported(world):
    for number, (given, says) in enumerate(REFUSED):
        ended = world.start(given, name=f"run-{number}")
        assert (ended["status"], ended["error"]) == ("FAILED", "InvalidInput"), given
        assert says in ended["cause"], given
        (message,) = world.heard()
        assert message["caught"]["Cause"] == ended["cause"], given


def test_a_prefix_with_nothing_in_it_fails_and_says_so(world):
    world.put("vehicles/incoming/none/", b"")
    ended = world.start({"prefix": {"bucket": support.BUCKET, "prefix": "vehicles/incoming/none/"}})
    assert (ended["status"], ended["error"]) == ("FAILED", "EmptyInput")
    assert ended["cause"].startswith("input ")
    assert "holds no image" in ended["cause"]


def test_a_run_that_cannot_be_collected_fails_and_is_reported(world, monkeypatch):
    monkeypatch.setenv("RESULTS_BUCKET", "slipway-test-no-such-bucket")
    ended = world.start({"images": [world.put("vehicles/incoming/good.png", support.png())]})
    assert ended["status"] == "FAILED"
    assert "NoSuchBucket" in ended["cause"]
    assert [message["caught"]["Error"] for message in world.heard()] == [ended["error"]]
