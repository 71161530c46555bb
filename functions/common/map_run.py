"""Reading what a Distributed Map's ResultWriter leaves in S3, one child execution at a time.

Layout (Step Functions developer guide, "ResultWriter"): ``manifest.json`` names the files, grouped as SUCCEEDED, FAILED
and PENDING; each file is a JSON array (or JSON Lines) of child executions with ``Input`` and ``Output`` as JSON text.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from typing import Any

from .errors import ResultFileInvalid

CHUNK_BYTES = 262144
# A child has at most 256 KiB of input and of output, both escaped once more; anything longer is no such file.
MAX_RECORD_CHARACTERS = 4 * 2**20
GROUPS = ("SUCCEEDED", "FAILED", "PENDING")
_RERUN = "Redrive the execution, or start a new one"


def result_files(client: Any, bucket: str, manifest_key: str) -> Iterator[tuple[str, str]]:
    """Yield ``(group, key)`` of every result file the Map Run's manifest names."""
    body = client.get_object(Bucket=bucket, Key=manifest_key)["Body"].read()
    try:
        groups = json.loads(body)["ResultFiles"]
        found = [(group, file["Key"]) for group in GROUPS for file in groups.get(group, [])]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ResultFileInvalid("manifest.json", manifest_key, "is not a Map Run's manifest", _RERUN) from None
    yield from found


def children(client: Any, bucket: str, key: str) -> Iterator[dict[str, Any]]:
    """Yield the child executions in one result file without holding the file in memory."""
    chunks = client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(CHUNK_BYTES)
    yield from parse_records(chunks, key)


def parse_records(chunks: Iterable[bytes], name: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON array or of JSON Lines that arrives in pieces.

    Raises
    ------
    ResultFileInvalid
        Something else than objects, or the file ends inside one.
    """
    decoder = json.JSONDecoder()
    text = codecs.getincrementaldecoder("utf-8")()
    waiting = ""
    try:
        for chunk in chunks:
            waiting += text.decode(chunk)
            while (waiting := waiting.lstrip(" \t\r\n[],")).startswith("{"):
                try:
                    record, end = decoder.raw_decode(waiting)
                except ValueError:
                    break  # not all of it is here yet
                yield record
                waiting = waiting[end:]
            if len(waiting) > MAX_RECORD_CHARACTERS or (waiting and not waiting.startswith("{")):
                break
        waiting += text.decode(b"", final=True)
    except UnicodeDecodeError:
        raise ResultFileInvalid("result file", name, "is not UTF-8", _RERUN) from None
    if waiting.strip(" \t\r\n[],"):
        raise ResultFileInvalid("result file", name, f"holds no child execution at {waiting[:40]!r}", _RERUN)
