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
from .storage import Caller, get_range

PIECE_BYTES = 2**22  # asked for at a time
CHUNK_BYTES = 262144  # parsed at a time: what follows a record is copied once per record
# A child has at most 256 KiB of input and of output, both escaped once more; anything longer is no such file.
MAX_RECORD_CHARACTERS = 4 * 2**20
GROUPS = ("SUCCEEDED", "FAILED", "PENDING")
_RERUN = "Redrive the execution, or start a new one"


def result_files(caller: Caller, bucket: str, manifest_key: str) -> Iterator[tuple[str, str]]:
    """Yield ``(group, key)`` of every result file the Map Run's manifest names."""
    body = b"".join(_pieces(caller, bucket, manifest_key))
    try:
        groups = json.loads(body)["ResultFiles"]
        found = [(group, file["Key"]) for group in GROUPS for file in groups.get(group, [])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ResultFileInvalid("manifest.json", manifest_key, "is not a Map Run's manifest", _RERUN) from None
    yield from found


def children(caller: Caller, bucket: str, key: str) -> Iterator[dict[str, Any]]:
    """Yield the child executions in one result file without holding the file in memory."""
    yield from parse_records(_pieces(caller, bucket, key), key)


def _pieces(caller: Caller, bucket: str, key: str) -> Iterator[bytes]:
    """Yield an object in ranges: when one breaks off, only that one is read again."""
    start, size, etag = 0, 1, None
    while start < size:
        piece = get_range(caller, bucket, key, start, PIECE_BYTES, etag=etag)
        start, size, etag = start + PIECE_BYTES, piece.size, piece.etag
        for at in range(0, len(piece.data), CHUNK_BYTES):
            yield piece.data[at : at + CHUNK_BYTES]


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
    except RecursionError:
        raise ResultFileInvalid("result file", name, "is nested too deeply", _RERUN) from None
    if waiting.strip(" \t\r\n[],"):
        raise ResultFileInvalid("result file", name, f"holds no child execution at {waiting[:40]!r}", _RERUN)
