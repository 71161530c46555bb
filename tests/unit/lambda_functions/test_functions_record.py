"""record_assessment against a real DynamoDB: appended once, whoever comes first, and told what it was."""

from __future__ import annotations

import copy
import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from tests.unit import functions_support as support
from tests.unit.lambda_functions.scripted import Reply

errors = support.common("errors")
record = support.common("claim_record")
table_module = support.common("table")
CONTEXT = support.Context()
TABLE = "slipway-test-claims-records"
PHOTO = {
    "bucket": support.BUCKET,
    "key": 'claims/incoming/C-17/Größe "é".png',
    "version": "v1",
    "etag": '"e"',
    "size": 100,
    "format": "png",
    "width": 30,
    "height": 20,
    "boxes": [{"label": "car", "index": 0, "score": 0.91, "box": [1.0, 2.0, 20.5, 18.25]}],
    "classes": [{"label": "damaged", "index": 0, "probability": 1e-06}],
    "detector": {"endpoint": "slipway-test-claims-detector", "variant": "primary", "version": "4"},
    "classifier": {"endpoint": "slipway-test-claims", "variant": None, "version": "7"},
    "verdict": "file",
    "reason": "damage",
    "assessed_at": "2026-01-01T00:00:00.000+00:00",
}
ASSESSMENT = {
    "claim": "C-17",
    "verdict": "file",
    "reason": "damage",
    "thresholds": {"car": 0.6, "damage": 0.8},
    "labels": {"car": "car", "damage": "damaged"},
    "photos": [PHOTO],
    "assessed_at": "2026-01-01T00:00:00.000+00:00",
}


@pytest.fixture
def records(moto_server, environment):
    """The table, as a resource of boto3."""
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", moto_server)
    environment.setenv("TABLE_NAME", TABLE)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    dynamodb = boto3.resource("dynamodb", endpoint_url=moto_server, region_name="eu-west-1", **keys)
    names = (record.PARTITION_KEY, record.SORT_KEY)
    table = dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=True)
        ],
    )
    support.load("record_assessment").AWS.retries.quota = 50
    yield table
    table.delete()


def write(assessment: Any = ASSESSMENT, execution: str = "arn:execution:1", context: Any = CONTEXT) -> dict[str, Any]:
    return support.load("record_assessment").handle({"assessment": assessment, "execution": execution}, context)


def altered(**fields: Any) -> dict[str, Any]:
    return {**ASSESSMENT, "photos": [{**PHOTO, **fields}]}


def test_an_assessment_is_written_with_all_its_evidence(records):
    answered = write()
    assert answered["status"] == "recorded"
    (item,) = records.scan()["Items"]
    assert answered == {"status": "recorded"} | {name: item[name] for name in ("claim", "entry", "verdict", "reason")}
    assert item["entry"].startswith("assessment#")
    assert item["execution"] == "arn:execution:1"
    assert item["photos"][0]["key"] == PHOTO["key"]
    assert [float(edge) for edge in item["photos"][0]["boxes"][0]["box"]] == [1.0, 2.0, 20.5, 18.25]
    assert float(item["photos"][0]["classes"][0]["probability"]) == 1e-06
    assert item["photos"][0]["classifier"]["variant"] is None


def test_a_second_delivery_changes_nothing_and_says_so(records):
    first = write()
    before = records.scan()["Items"]
    again = copy.deepcopy(ASSESSMENT) | {"assessed_at": "2026-01-02T00:00:00.000+00:00"}
    assert write(again, "arn:execution:2") == {**first, "status": "duplicate"}
    assert records.scan()["Items"] == before


def test_a_repetition_by_the_execution_that_wrote_is_no_duplicate(records):
    assert write()["status"] == write()["status"] == "recorded"
    assert records.scan()["Count"] == 1


@pytest.mark.parametrize(
    "other",
    [
        altered(version="v2"),
        altered(key="claims/incoming/C-17/left.png"),
        altered(detector={**PHOTO["detector"], "version": "5"}),
        altered(classifier={**PHOTO["classifier"], "version": "8"}),
        altered(classifier=None),
        {**ASSESSMENT, "thresholds": {"car": 0.6, "damage": 0.81}},
        {**ASSESSMENT, "labels": {"car": "car", "damage": "dented"}},
        {**ASSESSMENT, "photos": [PHOTO, {**PHOTO, "key": "claims/incoming/C-17/left.png"}]},
        {**ASSESSMENT, "claim": "C-18"},
    ],
)  # fmt: skip
def test_whatever_is_judged_anew_is_added_beside_the_old(records, other):
    assert write()["status"] == write(other, "arn:execution:2")["status"] == "recorded"
    assert records.scan()["Count"] == 2


def test_neither_the_order_of_photos_nor_the_time_nor_the_variant_makes_an_assessment_new():
    photos = [PHOTO, {**PHOTO, "key": "b", "assessed_at": "later", "detector": {**PHOTO["detector"], "variant": "x"}}]
    turned = [{**photos[1], "assessed_at": "earlier"}, photos[0]]
    assert record.entry({**ASSESSMENT, "photos": photos}) == record.entry({**ASSESSMENT, "photos": turned})


def test_without_versions_the_etag_tells_what_was_judged():
    assert record.entry(altered(version=None)) != record.entry(altered(version=None, etag='"f"'))


def test_deliveries_at_the_same_moment_write_once(records):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: write(execution=f"arn:execution:{number}"), range(32)))
    assert sorted(answer["status"] for answer in answers) == ["duplicate"] * 31 + ["recorded"]
    assert records.scan()["Count"] == 1


@pytest.mark.parametrize(
    ("assessment", "says"),
    [
        ("text", "assessment"),
        ({}, "claim"),
        ({**ASSESSMENT, "claim": "C#1"}, "claim's id"),
        ({**ASSESSMENT, "photos": []}, "is empty"),
        ({**ASSESSMENT, "photos": [{}]}, r"photos\[0\]"),
        ({**ASSESSMENT, "verdict": None}, "verdict"),
        (altered(width=math.nan), r"photos\[0\]\.width"),
        (altered(width=math.inf), r"photos\[0\]\.width"),
    ],
)
def test_what_is_no_assessment_is_refused(records, assessment, says):
    with pytest.raises(errors.InvalidEvent, match=says):
        write(assessment)
    assert records.scan()["Count"] == 0


def test_the_largest_claim_fits_and_what_does_not_is_told_before_it_is_sent(records):
    photo = {
        **PHOTO,
        "key": "k" * 1024,
        "boxes": PHOTO["boxes"] * 10,
        "classes": [{"label": "l" * 100, "index": 1, "probability": 0.123456}] * 10,
    }
    assert write({**ASSESSMENT, "photos": [photo] * 10})["status"] == "recorded"
    with pytest.raises(errors.RecordTooLarge, match="400000"):
        write({**ASSESSMENT, "photos": [photo] * 100})


def test_values_come_back_from_the_wire_as_they_went():
    value = {"a": [1, 2.5, -1e-06, True, False, None, "ü", {"b": []}], "": 10**30}
    assert table_module.plain(table_module.typed(value, "x")) == value
    with pytest.raises(errors.InvalidEvent, match="x"):
        table_module.typed(b"bytes", "x")


def denial(code: str, status: int = 400) -> Reply:
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "as told"}
    return Reply(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("reply", "error", "calls"),
    [
        (denial("ProvisionedThroughputExceededException"), "StorageUnavailable", 3),
        (denial("RequestLimitExceeded"), "StorageUnavailable", 3),
        (denial("ThrottlingException"), "StorageUnavailable", 3),
        (denial("InternalServerError", 500), "StorageUnavailable", 3),
        (Reply(fault="reset"), "StorageUnavailable", 3),
        (denial("ResourceNotFoundException"), "TableUnusable", 1),
        (denial("AccessDeniedException"), "TableUnusable", 1),
        (denial("ValidationException"), "TableUnusable", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_passes_is_tried_again_and_what_lasts_is_not(environment, scripted, pauses, reply, error, calls):
    server = scripted(reply)
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
    environment.setenv("TABLE_NAME", TABLE)
    support.load("record_assessment").AWS.retries.quota = 50
    with pytest.raises(getattr(errors, error)):
        write()
    assert len(server.calls) == calls
    assert server.calls[0].headers["x-amz-target"] == "DynamoDB_20120810.PutItem"


def test_a_lost_answer_is_found_by_the_next_attempt(environment, scripted, pauses):
    held = {"Item": {"execution": {"S": "arn:execution:1"}}}
    body = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", **held}
    server = scripted(Reply(fault="reset"), Reply(400, json.dumps(body).encode()))
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
    environment.setenv("TABLE_NAME", TABLE)
    support.load("record_assessment").AWS.retries.quota = 50
    assert write()["status"] == "recorded"
    assert write(execution="arn:execution:2")["status"] == "duplicate"
