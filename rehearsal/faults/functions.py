"""Drills of what stands behind the functions: InvokeEndpoint throttled, S3 slow or silent. And S3 slow for capture."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from loadtest.slo import Slo
from rehearsal.faults import alarms, model
from rehearsal.faults.drill import Drill, counted, demand
from rehearsal.faults.load import OK, Call, Load, kinds, sign
from rehearsal.faults.world import BUCKET, awaited
from terraform.command import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.faults.drill import Row
    from rehearsal.faults.world import World

INSTANCE = "vehicles_classify_image"
LONGEST_S = 60.0
_ZIP = ROOT / "functions" / "dist" / "classify_image.zip"
_PASSES = {"ModelUnavailable", "OutOfTime", "StorageUnavailable"}
"""Errors that the workflow tries again."""
_SLO = Slo(p95_ms=700.0, failures=0.01)  # an event asks twice: for its image, and for its classes


def throttled_a_little(world: World) -> Row:
    """A fifth of the calls is throttled: the function tries again within its time, and hardly an event fails."""
    with _function(world) as (name, endpoint, calls), Load(world.aws.endpoint, calls, users=3) as load:
        drill = Drill(world, "function: a fifth of InvokeEndpoint throttled", load, slo=_SLO)
        drill.begin()
        with world.aws.fault("throttle", endpoint=endpoint, share=0.2, seconds=LONGEST_S) as fault:
            awaited("40 calls are throttled", lambda: world.aws.faults()[0]["struck"] >= 40, LONGEST_S)
        row = _ended(drill, load, breaks=set())
        lost = sum(row.failed.values())
        demand("most throttled calls are made again with success", lost <= fault["struck"] / 4, "few", row.failed)
        row.notes.append(f"{fault['struck']} calls throttled, {lost} events failed")
        demand("the alarm of errors is no louder than that", lost or not world.notices(f"{name}-errors")[1:], 0, lost)
        return row


def throttled_wholly(world: World) -> Row:
    """Every call is throttled: events fail within their time with the error that the workflow tries again."""
    with _function(world) as (name, endpoint, calls), Load(world.aws.endpoint, calls, users=3) as load:
        drill = Drill(world, "function: InvokeEndpoint throttled", load, alarm=f"{name}-errors", slo=_SLO)
        drill.begin()
        with world.aws.fault("throttle", endpoint=endpoint, seconds=LONGEST_S):
            drill.fired()
            awaited("30 calls are throttled", lambda: world.aws.faults()[0]["struck"] >= 30, LONGEST_S)
        row = _ended(drill, load, breaks={"failures"})
        demand("an event fails as the workflow expects it", set(row.failed) <= _PASSES, _PASSES, row.failed)
        return row


def storage_slow(world: World) -> Row:
    """S3 takes a second for every image: no event fails, the latency objective breaks."""
    with _function(world) as (_, _, calls), Load(world.aws.endpoint, calls, users=3) as load:
        drill = Drill(world, "function: S3 slow by 1 s", load, slo=_SLO)
        drill.begin()
        fields = {"bucket": BUCKET, "prefix": "incoming/", "seconds": LONGEST_S}
        with world.aws.fault("slow-storage", delay_s=1.0, **fields):
            awaited("20 reads are slow", lambda: world.aws.faults()[0]["struck"] >= 20, LONGEST_S)
        row = _ended(drill, load, breaks={"p95_ms"})
        demand("no event fails", not row.failed, "none failed", row.failed)
        return row


def storage_silent(world: World) -> Row:
    """S3 leaves three reads without an answer for longer than the function waits: it asks again, and no event fails."""
    with _function(world) as (_, _, calls), Load(world.aws.endpoint, calls, users=3) as load:
        drill = Drill(world, "function: S3 silent for 3 reads", load, slo=_SLO)
        drill.begin()
        fields = {"bucket": BUCKET, "prefix": "incoming/", "seconds": LONGEST_S}
        with world.aws.fault("slow-storage", delay_s=50.0, count=3, **fields):
            awaited("3 reads hang", lambda: world.aws.faults()[0]["struck"] == 3, LONGEST_S)
            hanging = len(load.answered)
            awaited("every user is answered again", lambda: len(load.answered) >= hanging + 30, LONGEST_S)
        row = _ended(drill, load, breaks=set())
        demand("no event fails", not row.failed, "none failed", row.failed)
        return row


def capture_slow(world: World) -> Row:
    """S3 is slow for captured data: requests do not feel it, and every one is captured in the end."""
    options = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/capture",
        "CaptureOptions": options,
    }
    with world.endpoint(capture=capture) as name, Load(world.aws.endpoint, world.calls(name)) as load:
        drill = Drill(world, "capture: S3 slow by 2 s", load, others=(f"{name}-5xx", f"{name}-latency-p99"))
        drill.begin()
        with world.aws.fault("slow-storage", bucket=BUCKET, prefix="capture/", delay_s=2.0, seconds=LONGEST_S):
            awaited("two files are slow", lambda: world.aws.faults()[0]["struck"] >= 2, LONGEST_S)
        drill.end()
        drill.recovered()
        load.stop()
        row = drill.row(breaks=set())
        demand("no request fails", not row.failed, "none failed", row.failed)
        awaited("every request is captured", lambda: _captured(world, name) == row.sent, 20.0)
        counted(world, name, lambda: {"Invocations": row.sent})
        row.notes.append(f"{row.sent:,} requests captured")
        return row


def _ended(drill: Drill, load: Load, *, breaks: set[str]) -> Row:
    drill.end()
    drill.recovered()
    load.stop()
    slowest = max(one.ms for one in load.answered) / 1000
    limit = alarms.inputs(INSTANCE)["timeout_s"]
    demand("every event ends within the function's time", slowest < limit, f"< {limit} s", f"{slowest:.1f} s")
    demand("only what passes fails", set(kinds(load.answered)) <= {OK, *_PASSES}, _PASSES, kinds(load.answered))
    return drill.row(breaks=breaks, may=frozenset({"failures", "p95_ms"}))


@contextlib.contextmanager
def _function(world: World) -> Iterator[tuple[str, str, list[Call]]]:
    """Keep the function that asks the endpoint, with the alarm of its module, and events for it."""
    called = alarms.inputs(INSTANCE)
    with world.endpoint() as endpoint:
        name = world.fresh("classify")
        variables = {**called["environment"], "ENDPOINT_NAME": endpoint, "ALLOWED_BUCKETS": BUCKET}
        world.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=world.role,
            Handler=called["package"]["handler"],
            Timeout=called["timeout_s"],
            MemorySize=called["memory_mb"],
            Code={"ZipFile": _ZIP.read_bytes()},
            Environment={"Variables": variables},
        )
        alarm = world.alarm("function", "errors", INSTANCE, name)
        try:
            yield name, endpoint, [_event(world, name, colour) for colour in model.CLASSES]
        finally:
            world.client("cloudwatch").delete_alarms(AlarmNames=[alarm])
            world.client("lambda").delete_function(FunctionName=name)


def _event(world: World, function: str, colour: str) -> Call:
    body = model.picture(colour)
    key = f"incoming/{colour}.png"
    version = world.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
    image: dict[str, Any] = {"bucket": BUCKET, "key": key, "version": version, "size": len(body), "format": "png"}
    path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
    event = json.dumps({"image": {**image, "width": model.SIZE, "height": model.SIZE}}).encode()
    return sign(world.aws.endpoint, path, event, "application/json", service="lambda", region=world.aws.region)


def _captured(world: World, endpoint: str) -> int:
    """Return how many lines of captured data there are."""
    s3, lines = world.client("s3"), 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"capture/{endpoint}/"):
        for entry in page.get("Contents", []):
            lines += s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read().count(b"\n")
    return lines
