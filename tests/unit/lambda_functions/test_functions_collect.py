"""collect_results: the manifest, the proof that it is complete, and a Map Run's files read in bounded memory."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import functions_support as support
from tests.unit.lambda_functions.scripted import Call, Reply, piece

errors = support.common("errors")
map_run = support.common("map_run")
manifests = support.common("manifest")
storage = support.common("storage")

EXECUTION = {
    "id": "arn:aws:states:eu-west-1:123456789012:execution:classify:run-1",
    "name": "run-1",
    # Later than any object a test puts.
    "started": (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z"),
}
RUN = "vehicles/results/run-1/map/0001"
PREFIX = {"bucket": support.BUCKET, "prefix": "vehicles/incoming/"}


def collect(**event: Any) -> dict[str, Any]:
    given_event = {"execution": EXECUTION, "finished": "2030-01-01T00:00:00Z", **event}
    return support.load("collect_results").handle(given_event, support.Context())


def written(s3: Any, name: str) -> bytes:
    return s3.get_object(Bucket=support.BUCKET, Key=f"vehicles/results/run-1/{name}")["Body"].read()


def image(number: int) -> dict[str, str]:
    return {"bucket": support.BUCKET, "key": f"vehicles/incoming/{number:03}.png"}


def kept(number: int, status: str = "classified") -> dict[str, Any]:
    claim = image(number) | {"version": f"v{number}", "size": 9, "format": "png", "width": 3, "height": 3}
    best = {
        "label": "bicycle",
        "probability": 0.9,
        "predictions": [{"label": "bicycle", "index": 0, "probability": 0.9}],
    }
    return {"index": number, "image": claim, "status": status, "threshold": 0.93, **best}


# --- a list -----------------------------------------------------------------------------------------------------------


def test_lines_stand_in_the_order_of_the_list_whatever_order_the_results_have(s3):
    images = [image(number) for number in range(5)]
    answer = collect(images=images, results=[kept(number) for number in (3, 0, 4, 1, 2)])
    lines = [json.loads(line) for line in written(s3, "manifest.jsonl").splitlines()]
    assert [(line["index"], line["key"], line["version"]) for line in lines] == [
        (number, images[number]["key"], f"v{number}") for number in range(5)
    ]
    assert set(lines[0]) >= {"bucket", "key", "version", "status", "label", "probability", "predictions", "reason"}
    assert answer["counts"] == {"classified": 5, "for_review": 0, "failed": 0, "skipped": 0, "total": 5}
    assert answer["manifest"]["key"] == "vehicles/results/run-1/manifest.jsonl"
    head = s3.head_object(Bucket=support.BUCKET, Key=answer["manifest"]["key"], VersionId=answer["manifest"]["version"])
    assert head["ContentType"] == "application/jsonl"
    summary = json.loads(written(s3, "summary.json"))
    assert summary["execution"] == EXECUTION["id"]
    assert summary["counts"] == answer["counts"]
    assert summary["manifest"] == answer["manifest"]


def test_a_retry_writes_the_same_bytes(s3):
    event = {"images": [image(0), image(1)], "results": [kept(1), kept(0)]}
    collect(**event)
    first = written(s3, "manifest.jsonl")
    collect(**event)
    assert written(s3, "manifest.jsonl") == first


def test_a_write_whose_answer_is_lost_leaves_one_manifest_of_the_same_bytes(environment, scripted, pauses):
    server = scripted(Reply(fault="reset"), Reply(fault="cut", body=b"xx"), Reply())
    environment.setenv("AWS_ENDPOINT_URL", server.url)
    collect(images=[image(0)], results=[kept(0)])
    bodies: dict[str, list[bytes]] = {}
    for call in server.calls:
        assert call.method == "PUT"
        bodies.setdefault(call.target, []).append(call.body)
    written_thrice, written_once = bodies.values()
    assert len(written_thrice) == 3
    assert len(set(written_thrice)) == len(written_once) == 1
    assert json.loads(written_thrice[0])["status"] == "classified"


def test_a_function_that_dies_between_its_two_writes_is_simply_run_again(s3, monkeypatch):
    handler = support.load("collect_results")
    event = {"images": [image(0)], "results": [kept(0)]}
    put = handler.put

    def die_at_the_summary(caller: Any, bucket: str, key: str, *arguments: Any) -> Any:
        if key.endswith("summary.json"):
            raise MemoryError
        return put(caller, bucket, key, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(handler, "put", die_at_the_summary)
        with pytest.raises(MemoryError):
            collect(**event)
    first = written(s3, "manifest.jsonl")
    answer = collect(**event)
    assert written(s3, "manifest.jsonl") == first
    assert json.loads(written(s3, "summary.json"))["manifest"] == answer["manifest"]


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ([kept(0), kept(2)], r"1 lost: images\[1\]"),
        ([kept(0), kept(1), kept(1), kept(2)], r"1 doubled: images\[1\]"),
        ([kept(0), kept(0), kept(2)], r"1 lost: images\[1\]; 1 doubled: images\[0\]"),
        ([], r"3 lost"),
    ],
)
def test_a_lost_or_doubled_input_is_listed_and_no_manifest_is_written(s3, results, says):
    with pytest.raises(errors.ResultsIncomplete, match=says):
        collect(images=[image(number) for number in range(3)], results=results)
    assert s3.list_objects_v2(Bucket=support.BUCKET)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("result", "field"),
    [
        (None, "results[0].index"),
        ({"status": "classified"}, "results[0].index"),
        ({"index": 1, "status": "classified"}, "results[0].index"),
        ({"index": True, "status": "classified"}, "results[0].index"),
        ({"index": 0, "status": "fine"}, "results.status"),
        (kept(7) | {"index": 0}, "results.image"),
    ],
)
def test_a_result_that_is_not_of_this_list_is_refused(s3, result, field):
    with pytest.raises(errors.InvalidEvent) as caught:
        collect(images=[image(0)], results=[result])
    assert caught.value.field == field


def test_an_input_that_was_no_image_reference_keeps_its_line(s3):
    failed = {"index": 0, "image": 42, "status": "failed", "error": "InvalidEvent", "reason": "x" * 5000}
    collect(images=[42], results=[failed])
    line = json.loads(written(s3, "manifest.jsonl"))
    assert (line["index"], line["bucket"], line["key"], line["status"]) == (0, None, None, "failed")
    assert len(line["reason"]) <= 500


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"images": 7, "results": []}, "images"),
        ({"images": []}, "results"),
        ({}, "prefix"),
        ({"prefix": PREFIX}, "map"),
        ({"prefix": PREFIX, "map": {"Bucket": "b"}}, "map.Key"),
        ({"images": [], "results": [], "execution": EXECUTION | {"name": "a/b"}}, "execution.name"),
        ({"images": [], "results": [], "execution": {"name": "run"}}, "execution.id"),
        (
            {"prefix": PREFIX, "map": {"Bucket": "b", "Key": "k"}, "execution": EXECUTION | {"started": "2020-01-01"}},
            "execution.started",
        ),
    ],
)
def test_a_malformed_event_is_refused_by_field(s3, event, field):
    with pytest.raises(errors.InvalidEvent) as caught:
        collect(**event)
    assert caught.value.field == field


# --- a Map Run --------------------------------------------------------------------------------------------------------


def child(number: int, output: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    record = {"Name": str(number), "Input": json.dumps({"index": number, "image": image(number), "size": 9}), **more}
    return record | ({"Output": json.dumps(output)} if output else {})


def put_run(s3: Any, objects: int = 0, **groups: list[dict[str, Any]]) -> dict[str, str]:
    """Put ``objects`` images and a Map Run with these children; returns where its manifest is."""
    for number in range(objects):
        s3.put_object(Bucket=support.BUCKET, Key=image(number)["key"], Body=b"x")
    files: dict[str, list[dict[str, Any]]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
    for status, children in groups.items():
        for part, half in enumerate((children[::2], children[1::2])):
            key = f"{RUN}/{status}_{part}.json"
            s3.put_object(Bucket=support.BUCKET, Key=key, Body=json.dumps(half))
            files[status].append({"Key": key, "Size": 1})
    manifest = {"DestinationBucket": support.BUCKET, "MapRunArn": "arn", "ResultFiles": files}
    s3.put_object(Bucket=support.BUCKET, Key=f"{RUN}/manifest.json", Body=json.dumps(manifest))
    return {"Bucket": support.BUCKET, "Key": f"{RUN}/manifest.json"}


def test_children_that_succeeded_failed_or_never_began_all_have_a_line(s3):
    run = put_run(
        s3,
        objects=7,
        SUCCEEDED=[child(0, kept(0)), child(1, kept(1, "for_review")), child(2, {"status": "skipped", "index": 2})],
        FAILED=[child(3, Error="States.Runtime", Cause="no such path", Status="FAILED"), child(4, Status="TIMED_OUT")],
        PENDING=[child(5), child(6)],
    )
    answer = collect(prefix=PREFIX, map=run)
    lines = {line["key"]: line for line in map(json.loads, written(s3, "manifest.jsonl").splitlines())}
    assert answer["counts"] == {"classified": 1, "for_review": 1, "failed": 4, "skipped": 1, "total": 6}
    assert len(lines) == 6
    said = [(lines[image(number)["key"]]["error"], lines[image(number)["key"]]["reason"]) for number in (3, 4, 5)]
    assert said[0] == ("States.Runtime", "no such path")
    assert [error for error, _ in said[1:]] == ["TIMED_OUT", "NotStarted"]


def test_an_object_the_map_never_saw_is_found_by_our_own_listing(s3):
    run = put_run(s3, objects=4, SUCCEEDED=[child(number, kept(number)) for number in (0, 1, 3)])
    with pytest.raises(errors.ResultsIncomplete, match=r"1 lost: s3://.+/vehicles/incoming/002\.png"):
        collect(prefix=PREFIX, map=run)


def test_an_object_that_two_children_had_is_listed(s3):
    run = put_run(s3, objects=2, SUCCEEDED=[child(0, kept(0)), child(1, kept(1))], FAILED=[child(1, Status="FAILED")])
    with pytest.raises(errors.ResultsIncomplete, match=r"1 doubled: s3://.+/vehicles/incoming/001\.png"):
        collect(prefix=PREFIX, map=run)


def test_objects_that_came_after_the_start_are_no_inputs_of_this_run(s3):
    run = put_run(s3, objects=3, SUCCEEDED=[child(0, kept(0))])
    earlier = EXECUTION | {"started": "2020-01-01T00:00:00.000Z"}
    assert collect(prefix=PREFIX, map=run, execution=earlier)["counts"]["total"] == 1


def test_an_object_that_is_gone_by_now_keeps_its_line(s3):
    run = put_run(s3, objects=1, SUCCEEDED=[child(0, kept(0)), child(1, kept(1))])
    assert collect(prefix=PREFIX, map=run)["counts"]["total"] == 2


def test_a_run_without_images_is_refused(s3):
    run = put_run(s3, SUCCEEDED=[child(0, {"status": "skipped", "index": 0})])
    with pytest.raises(errors.EmptyInput, match="holds no image"):
        collect(prefix=PREFIX, map=run)


@pytest.mark.parametrize(
    "record",
    [{}, {"Input": "no json"}, child(0), child(0) | {"Output": "[]"}, child(0) | {"Output": '{"status": "odd"}'}],
)
def test_a_child_that_cannot_be_read_is_named_not_dropped(s3, record):
    with pytest.raises(errors.ResultFileInvalid):
        collect(prefix=PREFIX, map=put_run(s3, SUCCEEDED=[record]))


def test_a_manifest_of_something_else_is_refused(s3):
    s3.put_object(Bucket=support.BUCKET, Key="other.json", Body=b"[]")
    with pytest.raises(errors.ResultFileInvalid, match=r"other\.json"):
        collect(prefix=PREFIX, map={"Bucket": support.BUCKET, "Key": "other.json"})


def test_a_bucket_that_is_gone_is_named(s3, monkeypatch):
    monkeypatch.setenv("RESULTS_BUCKET", "slipway-test-gone")
    with pytest.raises(errors.ResultFileInvalid, match="NoSuchBucket"):
        collect(images=[image(0)], results=[kept(0)])


def test_a_result_file_that_breaks_off_is_read_on_from_there(environment, scripted, pauses, monkeypatch):
    monkeypatch.setattr(map_run, "PIECE_BYTES", 700)
    content = json.dumps([child(number, kept(number)) for number in range(6)]).encode()
    broken = [False]

    def ranged(call: Call) -> Reply:
        start, _, end = call.headers["range"].removeprefix("bytes=").partition("-")
        reply = piece(content[int(start) : int(end) + 1], int(start), len(content))
        if int(start) == 700 and not broken[0]:
            broken[0] = True
            reply.fault = "cut"
        return reply

    server = scripted(ranged)
    environment.setenv("AWS_ENDPOINT_URL", server.url)
    caller = storage.Caller(support.load("collect_results").AWS, support.Context())
    assert len(list(map_run.children(caller, support.BUCKET, "k"))) == 6
    starts = [int(call.headers["range"].removeprefix("bytes=").partition("-")[0]) for call in server.calls]
    assert starts == sorted([*range(0, len(content), 700), 700])
    assert {call.headers.get("if-match") for call in server.calls[1:]} == {'"e"'}, "a file that changes is no file"


# --- reading in pieces ------------------------------------------------------------------------------------------------

RECORDS = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=6)


@given(records=RECORDS, size=st.integers(1, 40), lines=st.booleans(), indent=st.sampled_from([None, 2]))
def test_records_are_read_whatever_the_pieces(records, size, lines, indent):
    if lines:
        content = "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()
    else:
        content = json.dumps(records, ensure_ascii=False, indent=indent).encode()
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    assert list(map_run.parse_records(pieces, "file")) == records


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_garbage_is_refused_and_nothing_else_happens(pieces):
    try:
        records = list(map_run.parse_records(pieces, "file"))
    except errors.ResultFileInvalid:
        return
    assert all(isinstance(record, dict) for record in records)


@pytest.mark.parametrize(
    "content", [b'[{"a": 1}, {"b"', b'[{"a": 1}, 7]', b'{"a": "\xff"}', b"null", b'{"a":' + b"[" * 100_000]
)
def test_a_file_that_ends_early_or_holds_something_else_is_refused(content):
    with pytest.raises(errors.ResultFileInvalid):
        list(map_run.parse_records([content], "file"))


def test_memory_stays_bounded_while_a_long_file_is_read():
    record = json.dumps(child(0, kept(0))).encode()

    def pieces():
        yield b"["
        for _ in range(30_000):
            yield record + b","
        yield record + b"]"

    tracemalloc.start()
    count = sum(1 for _ in map_run.parse_records(pieces(), "file"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 30_001
    assert peak < 2**20, f"{peak} bytes for a file of {30_001 * len(record)}"


def test_the_ledger_holds_a_hundred_thousand_inputs_in_little_memory():
    tracemalloc.start()
    ledger = manifests.Ledger()
    for number in range(100_000):
        ledger.enter(f"s3://bucket/{'k' * 200}/{number}", "classified")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ledger.counts["total"] == 100_000
    assert peak < 100_000 * 120
