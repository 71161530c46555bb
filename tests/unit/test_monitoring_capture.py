"""Capture files: every whole record once, whatever happened to the files; everything else counted with its place."""

from __future__ import annotations

import base64
import io
import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.monitoring import capture, reader, sources
from training.monitoring.errors import DamageError, MonitoringError
from training.monitoring.ledger import Ledger
from training.monitoring.reader import Reading
from training.monitoring.sources import Source, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def line(number: int, data: str = "1,2", *, encoding: str = "CSV", kind: str = "text/csv", **meta: str) -> bytes:
    document = {
        "captureData": {
            "endpointInput": {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding},
            "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "0.5", "encoding": "CSV"},
        },
        "eventMetadata": {"eventId": f"event-{number}", "inferenceTime": "2026-11-21T13:05:00Z", **meta},
        "eventVersion": "0",
    }
    return json.dumps(document).encode()


def file(name: str, content: bytes, piece: int = 1 << 16) -> Source:
    def chunks() -> Iterator[bytes]:
        for start in range(0, len(content), piece):
            yield content[start : start + piece]

    return Source(name, str(len(content)), chunks)


def ids(reading: Reading, files: list[Source]) -> list[str]:
    return [record.event_id for batch in reading.batches(files) for record in batch]


def test_a_record_has_its_ids_its_time_and_both_sides() -> None:
    record = capture.parse(line(7, inferenceId="mine"), "a.jsonl", 3)

    assert (record.event_id, record.inference_id, record.key) == ("event-7", "mine", "mine")
    assert (record.file, record.line, record.time) == ("a.jsonl", 3, "2026-11-21T13:05:00Z")
    assert record.input is not None
    assert record.input.text() == "1,2"
    assert capture.parse(line(7)).key == "event-7"


def test_base64_gives_the_bytes_back() -> None:
    body = bytes(range(256))
    record = capture.parse(line(1, base64.b64encode(body).decode(), encoding="BASE64", kind="image/png"))

    assert record.input is not None
    assert record.input.content() == body
    assert record.input.media == "image/png"
    with pytest.raises(DamageError, match="UTF-8"):
        record.input.text()
    with pytest.raises(DamageError, match="base64"):
        capture.Payload("no base64!", "BASE64", "").content()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe{}", "UTF-8|no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no capture record"),
        (b"{}", "no capture record"),
        (line(1).replace(b'"eventVersion": "0"', b'"eventVersion": "1"'), "eventVersion '1'"),
        (line(1).replace(b'"event-1"', b"1"), "eventId"),
        (line(1).replace(b'"CSV"', b'"XML"'), "encoding 'XML'"),
        (line(1).replace(b'"1,2"', b"12"), "data"),
    ],
)
def test_damage_is_named(content: bytes, reason: str) -> None:
    with pytest.raises(DamageError, match=reason):
        capture.parse(content)


def test_damage_has_file_and_line() -> None:
    reading = Reading()
    content = line(1) + b"\n\nrubbish\n" + line(2) + b"\n" + line(3)[:-30]

    assert ids(reading, [file("a.jsonl", content)]) == ["event-1", "event-2"]
    assert reading.damage.places == [
        {"file": "a.jsonl", "line": 3, "reason": "no JSON"},
        {"file": "a.jsonl", "line": 5, "reason": "cut short"},
    ]


def test_records_glued_together_are_both_read() -> None:
    reading = Reading()
    content = line(1) + line(2) + b"\n" + line(3)[:60] + line(4) + b"\n"

    assert ids(reading, [file("a.jsonl", content)]) == ["event-1", "event-2", "event-4"]
    assert (reading.damage.count, reading.rescued) == (2, 3)


def test_a_file_without_newlines_does_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LONGEST", 1000)
    reading = Reading()
    content = b"x" * 5000 + b"\n" + line(1) + b"\n" + b"y" * 5000

    assert ids(reading, [file("a.jsonl", content, piece=100)]) == ["event-1"]
    assert [place["line"] for place in reading.damage.places] == [1, 3]


def test_a_file_that_cannot_be_read_does_not_hide_the_others_and_is_tried_again() -> None:
    def broken() -> Iterator[bytes]:
        yield line(1) + b"\n" + line(2)[:20]
        raise OSError("gone")

    ledger = Ledger()
    reading = Reading(ledger=ledger)

    assert ids(reading, [Source("b", "1", broken), file("c", line(3))]) == ["event-1", "event-3"]
    assert reading.damage.reasons == {"unreadable: OSError: gone": 1}
    assert ids(Reading(ledger=ledger), [file("b", line(1) + b"\n" + line(2)), file("c", line(3))]) == ["event-2"]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Source], set[str], int]:
    """Records spread over files in any order, some files twice, some lines twice, some files cut short."""
    count = draw(st.integers(1, 30))
    lot = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311  not for secrets
    numbers = list(range(count)) + [lot.randrange(count) for _ in range(draw(st.integers(0, 8)))]
    lot.shuffle(numbers)
    files: list[Source] = []
    whole: set[str] = set()
    damaged = 0
    while numbers:
        size = lot.randint(1, 8)
        part, numbers = numbers[:size], numbers[size:]
        lines = [line(number, data=f"{number},é\\n") for number in part]
        content = b"\n".join(lines) + b"\n" * lot.randint(0, 1)
        cut = lot.choice([len(content), lot.randrange(len(content) + 1)])
        kept = content[:cut]
        at = 0
        for number, one in zip(part, lines, strict=True):
            if at + len(one) <= cut:
                whole.add(f"event-{number}")
            elif at < cut:
                damaged += 1
            at += len(one) + 1
        files.append(file(f"{len(files)}.jsonl", kept, piece=lot.randint(1, 400)))
        if lot.random() < 0.2:
            files.append(Source(f"{len(files)}-again.jsonl", "", files[-1].chunks))
            damaged += 0 if cut == len(content) or not kept else _cut(kept)
    lot.shuffle(files)
    return files, whole, damaged


def _cut(content: bytes) -> int:
    tail = content.rpartition(b"\n")[2]
    try:
        return 0 if not tail or json.loads(tail) else 1
    except ValueError:
        return 1


@given(deliveries())
def test_nothing_is_lost_and_nothing_doubled(delivery: tuple[list[Source], set[str], int]) -> None:
    files, whole, damaged = delivery
    reading = Reading()

    found = ids(reading, files)

    assert sorted(found) == sorted(whole)
    assert reading.damage.count == damaged
    assert reading.lines == reading.records + reading.duplicates + damaged


@given(deliveries(), st.integers(0, 5))
def test_several_runs_read_together_what_one_run_would(delivery: tuple[list[Source], set[str], int], runs: int) -> None:
    files, whole, _ = delivery
    ledger = Ledger()
    found: list[str] = []
    for run in range(runs + 1):
        found += ids(Reading(ledger=ledger), files[: len(files) * (run + 1) // (runs + 1)])

    assert sorted(found) == sorted(whole)


def test_a_ledger_lasts(tmp_path: Path) -> None:
    ledger = Ledger()
    files = [file("a", line(1)), file("b", line(2))]
    assert len(ids(Reading(ledger=ledger), files)) == 2
    ledger.save(tmp_path / "state")

    again = Ledger.load(tmp_path / "state")
    reading = Reading(ledger=again)

    assert ids(reading, [*files, file("c", line(2) + b"\n" + line(3))]) == ["event-3"]
    assert (reading.files, reading.files_known, reading.duplicates) == (1, 2, 1)
    (tmp_path / "state/files.json").write_text("[")
    with pytest.raises(MonitoringError, match="start a new one"):
        Ledger.load(tmp_path / "state")


def window() -> Window:
    return Window(sources.moment("2026-11-21T13:00:00Z"), sources.moment("2026-11-21T14:00:00Z"))


def test_a_window_takes_its_own_records_and_counts_the_others() -> None:
    times = ["2026-11-21T12:59:59Z", "2026-11-21T13:00:00Z", "2026-11-21T14:59:59+01:00", "2026-11-21T14:00:00Z", "?"]
    content = b"\n".join(line(number, inferenceTime=time) for number, time in enumerate(times))
    alone, counted = Reading(window()), Reading(window(), Ledger())

    assert ids(alone, [file("a", content)]) == ["event-1", "event-2", "event-4"]
    assert ids(counted, [file("a", content)]) == [f"event-{number}" for number in range(5)]
    assert alone.outside == counted.outside == {"before": 1, "after": 1, "unknown": 1}


def test_a_folder_is_read_by_name_and_only_its_capture_files(tmp_path: Path) -> None:
    for name in ("v/2026/11/21/14/b.jsonl", "v/2026/11/21/13/a.jsonl", "v/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(line(len(name)))

    assert [source.name[-7:] for source in sources.folder(tmp_path)] == ["a.jsonl", "b.jsonl"]
    assert len(list(sources.folder(tmp_path / "v/notes.txt"))) == 1
    with pytest.raises(MonitoringError, match="neither a folder nor a file"):
        list(sources.folder(tmp_path / "nowhere"))


class Bucket:
    """As much of S3 as reading needs, with a connection that breaks once per object."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects, self.broken = objects, set[str]()
        self.asked: list[str] = []

    def get_paginator(self, operation: str) -> Bucket:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **request: str) -> Iterator[dict[str, Any]]:
        self.asked.append(request["Prefix"])
        keys = sorted(key for key in self.objects if key.startswith(request["Prefix"]))
        yield {"Contents": [{"Key": key, "ETag": f'"{len(self.objects[key])}"'} for key in keys]} if keys else {}

    def get_object(self, **request: str) -> dict[str, Any]:
        body = self.objects[request["Key"]]
        assert request["IfMatch"] == f'"{len(body)}"'
        start = int(request.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        stream = io.BytesIO(body[start:])
        if request["Key"] in self.broken or len(body) < 100:
            return {"Body": stream}
        self.broken.add(request["Key"])
        return {"Body": Breaking(stream)}


class Breaking:
    def __init__(self, stream: io.BytesIO) -> None:
        self.stream, self.reads = stream, 0

    def read(self, size: int) -> bytes:
        self.reads += 1
        if self.reads > 1:
            raise ConnectionResetError("broken pipe")
        return self.stream.read(min(size, 150))


def test_a_bucket_is_read_by_hour_and_a_broken_connection_taken_up() -> None:
    place = "capture/endpoint/main"
    bucket = Bucket(
        {
            f"{place}/2026/11/21/11/a.jsonl": line(0, inferenceTime="2026-11-21T11:30:00Z"),
            f"{place}/2026/11/21/13/a.jsonl": line(1) + b"\n" + line(2),
            f"{place}/2026/11/21/13/a.txt": b"something else",
            f"{place}/2026/11/21/14/a.jsonl": line(3, inferenceTime="2026-11-21T13:59:59Z"),
            f"{place}/2026/11/21/16/a.jsonl": line(4),
        }
    )
    reading = Reading(window())

    found = ids(reading, list(sources.s3(bucket, f"s3://bucket-name/{place}/", window())))

    assert found == ["event-1", "event-2", "event-3"]
    assert bucket.asked == [f"{place}/2026/11/21/{hour}/" for hour in (12, 13, 14)]
    assert reading.damage.count == 0
    assert len(bucket.broken) == 2
    everything = list(sources.s3(bucket, f"s3://bucket-name/{place}", None, timedelta(0)))
    assert len(ids(Reading(), everything)) == 5


def test_places_and_times_that_are_none_are_refused() -> None:
    with pytest.raises(MonitoringError, match="s3://"):
        sources.split_location("https://bucket/prefix")
    with pytest.raises(MonitoringError, match="write it like"):
        sources.moment("yesterday")
    with pytest.raises(MonitoringError, match="end after it starts"):
        Window(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def test_a_ledger_forgets_only_what_no_run_comes_across_any_more(tmp_path: Path) -> None:
    files = [file(f"{number}", line(number)) for number in range(12)]
    found: list[str] = []
    sizes = []
    for end in range(2, 13):
        ledger = Ledger.load(tmp_path, limit=3)
        found += ids(Reading(ledger=ledger), files[max(0, end - 4) : end])
        ledger.save(tmp_path)
        sizes.append(len(ledger))

    assert found == [f"event-{number}" for number in range(12)]
    assert max(sizes) <= 8


def test_what_a_sender_writes_cannot_flood_the_report() -> None:
    reading = Reading()
    lines = (line(1).replace(b'"eventVersion": "0"', b'"eventVersion": "%d%s"' % (k, b"x" * 999)) for k in range(300))

    assert ids(reading, [file("a", b"\n".join(lines))]) == []
    document = reading.damage.document()
    assert (document["count"], len(document["reasons"]), len(document["places"])) == (300, 101, 200)
    assert len(json.dumps(document)) < 100_000
