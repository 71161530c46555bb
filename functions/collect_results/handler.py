"""Write the results manifest of a run, once it is proved that every input stands in it exactly once."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

from common import settings
from common.answers import AwsError, CallError
from common.aws import Connection
from common.entry import entry, log, measure
from common.errors import EmptyInput, FunctionError, InvalidEvent, ResultFileInvalid, StorageUnavailable
from common.events import address, field, image_reference
from common.manifest import Ledger, by_index, encode, line
from common.map_run import children, result_files
from common.storage import Caller, listing, put

AWS = Connection(connect_s=2, read_s=30, attempts=4)
EVENT = "Start the state machine, not this function"
# So much of the manifest stays in memory; the rest goes to /tmp.
SPOOL_BYTES = 8 * 2**20

# An input's identity and its manifest line; no line for what is not an input.
Entry = tuple[str, dict[str, Any] | None]


@entry
def handle(event: Any, context: Any) -> dict[str, Any]:
    """Collect one run.

    The same event writes the same bytes to the same keys, so a retry does no harm. Encryption is the bucket's default.

    Parameters
    ----------
    event
        ``{"execution": {"id", "name", "started"}, "finished": time}`` and either ``{"images", "results"}`` (inline)
        or ``{"prefix": {"bucket", "prefix"}, "map": {"Bucket", "Key"}}`` (Distributed Map; Key of its manifest.json).

    Returns
    -------
    dict
        ``{"manifest", "summary", "counts"}``: two claim checks ``{"bucket", "key", "version"}``, and the lines by
        status with ``total`` and ``skipped`` (folder markers, which are no inputs).

    Raises
    ------
    InvalidEvent, InvalidSetting, EmptyInput, ResultsIncomplete, ResultFileInvalid
        Not worth a retry.
    StorageUnavailable, OutOfTime
        Worth a retry.
    """
    execution = field(event, "execution", dict, EVENT)
    name = field(execution, "name", str, EVENT, "execution")
    if not re.fullmatch(r"[^/\x00-\x1f]{1,80}", name):
        raise InvalidEvent("execution.name", name, "cannot be a folder's name", EVENT)
    summary = {
        "execution": field(execution, "id", str, EVENT, "execution"),
        "started": field(execution, "started", str, EVENT, "execution"),
        "finished": field(event, "finished", str, EVENT),
        "source": event.get("prefix", "list"),
    }
    s3 = Caller(AWS, context)
    entries, expected = _inline(event) if "images" in event else _distributed(s3, event, summary["started"])
    bucket, prefix = settings.text("RESULTS_BUCKET"), settings.text("RESULTS_PREFIX")
    folder = f"{prefix.strip('/')}/{name}"
    try:
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as body:
            summary["counts"] = counts = _write(entries, expected, body)
            if not counts["total"]:
                raise EmptyInput("input", json.dumps(summary["source"]), "holds no image", "Check the prefix")
            summary["manifest"] = _put(s3, f"{folder}/manifest.jsonl", bucket, body, "application/jsonl")
        described = json.dumps(summary, indent=2).encode()
        written = _put(s3, f"{folder}/summary.json", bucket, described, "application/json")
    except AwsError as error:
        raise _known(error) from None
    except CallError as error:
        raise StorageUnavailable("S3", str(error), "gave no answer", "Try again later") from None
    log("INFO", "collected", execution=name, **counts)
    measure("Images", counts["total"])
    measure("FailedImages", counts["failed"])
    return {"manifest": summary["manifest"], "summary": written, "counts": counts}


def _write(entries: Iterator[Entry], expected: Iterator[str], body: IO[bytes]) -> dict[str, int]:
    """Write the lines, prove that they are complete, and return their counts; ``body`` is rewound."""
    ledger = Ledger()
    for identity, record in entries:
        ledger.enter(identity, record["status"] if record else "skipped")
        if record:
            body.write(encode(record))
    for identity in expected:
        ledger.expect(identity)
    ledger.prove()
    body.seek(0)
    return ledger.counts


def _inline(event: dict[str, Any]) -> tuple[Iterator[Entry], Iterator[str]]:
    """Return the lines of a list, in its order, and the inputs there must be.

    An input is a place in the list, so an image that is listed twice has two lines: the caller asked twice.
    """
    images = field(event, "images", list, EVENT)
    results = field(event, "results", list, EVENT)

    def identity(index: int) -> str:
        return f"images[{index}]"

    entries = (
        (identity(index), line(index, images[index], result)) for index, result in by_index(results, len(images))
    )
    return entries, map(identity, range(len(images)))


def _distributed(s3: Caller, event: dict[str, Any], started: str) -> tuple[Iterator[Entry], Iterator[str]]:
    """Return the lines of a Map Run, and the inputs a listing of our own says there must be."""
    source = field(event, "prefix", dict, EVENT)
    bucket = field(source, "bucket", str, EVENT, "prefix")
    prefix = field(source, "prefix", str, EVENT, "prefix")
    run = field(event, "map", dict, EVENT)
    run_bucket, run_key = field(run, "Bucket", str, EVENT, "map"), field(run, "Key", str, EVENT, "map")
    entries = (
        _child_entry(child, group)
        for group, key in result_files(s3, run_bucket, run_key)
        for child in children(s3, run_bucket, key)
    )
    return entries, _listed(s3, bucket, prefix, _time(started))


def _child_entry(child: dict[str, Any], group: str) -> Entry:
    """Return the line of one child execution; one that failed, or never began, has no output to read."""
    try:
        given = json.loads(child["Input"])
        image = image_reference(given["image"])
        if group == "SUCCEEDED":
            result = json.loads(child["Output"])
        else:
            error = child.get("Error") or child.get("Status") or "NotStarted"
            result = {"status": "failed", "error": error, "reason": child.get("Cause") or "the child execution ended"}
        record = None if result["status"] == "skipped" else line(given.get("index"), image, result)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FunctionError) as error:
        raise ResultFileInvalid(
            "child execution", child.get("Name"), f"cannot be read ({error!r})"[:200], "Start a new execution"
        ) from None
    return address(image["bucket"], image["key"]), record


def _listed(s3: Caller, bucket: str, prefix: str, started: datetime) -> Iterator[str]:
    """Yield what lay under the prefix when the run began, as far as it still lies there unchanged.

    S3 keeps whole seconds, so an object of the very second of the start may be older or newer than the Map's listing
    and is left out; what came or changed later is left out for the same reason.
    """
    began = started.replace(microsecond=0)
    for key, modified in listing(s3, bucket, prefix):
        if modified < began:
            yield address(bucket, key)


def _time(started: str) -> datetime:
    try:
        time = datetime.fromisoformat(started)
    except ValueError:
        time = datetime.min
    if time.tzinfo is None:
        raise InvalidEvent("execution.started", started, "is not an ISO 8601 time with a zone", EVENT)
    return time


def _put(s3: Caller, key: str, bucket: str, body: IO[bytes] | bytes, content_type: str) -> dict[str, Any]:
    return {"bucket": bucket, "key": key, "version": put(s3, bucket, key, body, content_type)}


def _known(error: AwsError) -> FunctionError:
    if error.passing:
        return StorageUnavailable("S3", error.code, error.message, "Try again later")
    remedy = "Check RESULTS_BUCKET, RESULTS_PREFIX and the function's role"
    return ResultFileInvalid("S3", error.code, error.message or "is its answer", remedy)
