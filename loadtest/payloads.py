"""What a load test sends: image bytes from a folder, or function events from a JSON Lines file."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from loadtest.errors import LoadUsageError

# SageMaker refuses larger bodies on a real-time endpoint, Lambda on a synchronous invocation.
MAX_ENDPOINT_BODY = 25 * 1000 * 1000
MAX_FUNCTION_BODY = 6 * 1024 * 1024

# Every body stays in memory for the whole run, so that reading a disk never shows up as latency.
MAX_TOTAL_BYTES = 256 * 1024 * 1024

CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


@dataclass(frozen=True)
class Payload:
    """One request body and what it is."""

    body: bytes
    content_type: str


def read_images(folder: Path, limit: int = 500) -> list[Payload]:
    """Read up to `limit` PNG and JPEG files below `folder`, in path order.

    Raises
    ------
    LoadUsageError
        The folder is missing or holds no image, a file is larger than an endpoint accepts, or all
        of them together do not fit the generator's memory budget.
    """
    if not folder.is_dir():
        raise LoadUsageError("images", str(folder), "name an existing folder that holds PNG or JPEG files")
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in CONTENT_TYPES and path.is_file()]
    if not files:
        raise LoadUsageError("images", str(folder), "put at least one .png, .jpg or .jpeg file below this folder")
    payloads = [_image(path) for path in files[:limit]]
    total = sum(len(payload.body) for payload in payloads)
    if total > MAX_TOTAL_BYTES:
        raise LoadUsageError("images", f"{total:,} bytes", f"keep the folder below {MAX_TOTAL_BYTES:,} bytes")
    return payloads


def shuffled(payloads: Sequence[Payload], seed: int) -> list[Payload]:
    """Mix payloads: a folder by class is often a folder by size, and sizes must not come in waves."""
    return random.Random(seed).sample(payloads, len(payloads))  # noqa: S311 - an order, not a secret


def batches(images: Sequence[Payload], sizes: Sequence[int]) -> list[Payload]:
    """Make JSON requests of as many images as the sizes say, in turn, until every image was used once or more.

    Raises
    ------
    LoadUsageError
        A size is below 1, or a request is larger than an endpoint accepts.
    """
    for size in sizes:
        if size < 1:
            raise LoadUsageError("batch", size, "give 1 or more images per request, such as 1,8,32")
    stock: Iterator[Payload] = cycle(images)
    made, used = [], 0
    for size in cycle(sizes):
        document = {"instances": [{"b64": base64.b64encode(p.body).decode()} for p in islice(stock, size)]}
        body = json.dumps(document).encode()
        if len(body) > MAX_ENDPOINT_BODY:
            raise LoadUsageError("batch", size, f"keep a request below {MAX_ENDPOINT_BODY:,} bytes")
        made.append(Payload(body, "application/json"))
        used += size
        if used >= len(images) and len(made) >= len(sizes):
            break
    return made


def read_events(path: Path, limit: int = 500) -> list[Payload]:
    """Read up to `limit` events, one JSON document per line, for a function's `Invoke`.

    Raises
    ------
    LoadUsageError
        The file is missing or empty, a line is not JSON, or an event is larger than Lambda accepts.
    """
    if not path.is_file():
        raise LoadUsageError("events", str(path), "name an existing JSON Lines file, one event per line")
    payloads = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            json.loads(line)
        except ValueError as error:
            raise LoadUsageError("events", f"{path}:{number}", f"make this line a JSON document ({error})") from error
        body = line.encode()
        if len(body) > MAX_FUNCTION_BODY:
            raise LoadUsageError("events", f"{path}:{number}", f"keep an event below {MAX_FUNCTION_BODY:,} bytes")
        payloads.append(Payload(body, "application/json"))
        if len(payloads) == limit:
            break
    if not payloads:
        raise LoadUsageError("events", str(path), "write at least one event into this file")
    return payloads


def _image(path: Path) -> Payload:
    body = path.read_bytes()
    if not body:
        raise LoadUsageError("images", str(path), "remove or replace this empty file")
    if len(body) > MAX_ENDPOINT_BODY:
        raise LoadUsageError(
            "images", f"{path} ({len(body):,} bytes)", f"keep images below {MAX_ENDPOINT_BODY:,} bytes"
        )
    return Payload(body, CONTENT_TYPES[path.suffix.lower()])
