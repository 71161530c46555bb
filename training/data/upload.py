"""Put a staged dataset into S3: in parallel, only what changed, checked on arrival."""

from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.data import layout
from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.data.progress import Progress

WORKERS = 8
"""Concurrent uploads; the client's connection pool must be at least as large."""

_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A key prefix (empty, or ending in a slash) of a bucket, and the boto3 S3 client that reaches it."""

    client: Any
    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload did, in objects."""

    location: str
    sent: int
    unchanged: int
    removed: int


def parse_location(url: str, field: str = "--bucket") -> tuple[str, str]:
    """Bucket and key prefix (empty, or ending in a slash) of `s3://bucket[/prefix]`.

    Raises
    ------
    DataError
        Not such an address.
    """
    match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", url)
    if match is None:
        raise DataError(field, url, "must look like s3://bucket or s3://bucket/prefix")
    prefix = (match[2] or "").strip("/")
    return match[1], f"{prefix}/" if prefix else ""


def upload(folder: Path, place: Place, *, progress: Progress | None = None, workers: int = WORKERS) -> Uploaded:
    """Make the keys of `place` be exactly the files of the staged dataset in `folder`.

    The checksum list is taken away first and goes last: while it is missing, the dataset counts as not uploaded, so an
    interrupted upload is simply run again. Files that the bucket's own list names with the same checksum are not sent.
    Other objects under the prefix are removed: a former dataset's images would otherwise be trained on.

    Raises
    ------
    DataError
        S3 refuses, or what arrived is not what was sent.
    """
    with explained("--bucket", place.url):
        return _upload(folder, place, progress, workers)


@contextmanager
def explained(field: str, url: str) -> Iterator[None]:
    """Turn what S3 or the way to it says into an error that names the setting and a remedy.

    Raises
    ------
    DataError
        S3 refuses, or cannot be reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  staging to a folder needs no AWS

    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code", "?")
        said = f"{error.operation_name} failed: {error.response['Error'].get('Message', code)}"
        remedies = {"NoSuchBucket": "apply the environment first, or check the name"}
        remedy = remedies.get(code, "check the role's permissions, the bucket's name and the region")
        raise DataError(field, url, f"{said}; {remedy}") from None
    except BotoCoreError as error:
        raise DataError(field, url, f"{error}; check AWS_ENDPOINT_URL, credentials and network") from None


def _upload(folder: Path, place: Place, progress: Progress | None, workers: int) -> Uploaded:
    wanted = layout.read_checksums(folder)
    present = _sizes(place)
    trusted = _remote_checksums(place) if layout.CHECKSUMS in present else {}

    def is_there(path: str) -> bool:
        return trusted.get(path) == wanted[path] and present.get(path) == (folder / path).stat().st_size

    missing = [path for path in wanted if not is_there(path)]
    stale = [path for path in present if path not in wanted and path != layout.CHECKSUMS]
    result = Uploaded(place.url, len(missing), len(wanted) - len(missing), len(stale))
    if not missing and not stale and trusted:
        return result
    if trusted:
        _remove(place, [layout.CHECKSUMS])
    with ThreadPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(lambda path: _put(folder, place, path, wanted[path]), missing), start=1):
            if progress:
                progress(done, len(missing))
    _remove(place, stale)
    _verify(folder, place, list(wanted))
    _put(folder, place, layout.CHECKSUMS, None)
    return result


def _put(folder: Path, place: Place, path: str, sha256: str | None) -> None:
    file = folder / path
    # S3 itself refuses a body whose SHA-256 is not the one announced.
    checksum = {} if sha256 is None else {"ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode()}
    kind = _TYPES.get(file.suffix, "text/plain; charset=utf-8")
    body = file.read_bytes()
    place.client.put_object(Bucket=place.bucket, Key=place.prefix + path, Body=body, ContentType=kind, **checksum)


def _sizes(place: Place) -> dict[str, int]:
    pages = place.client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    return {item["Key"].removeprefix(place.prefix): item["Size"] for page in pages for item in page.get("Contents", ())}


def _remote_checksums(place: Place) -> dict[str, str]:
    answer = place.client.get_object(Bucket=place.bucket, Key=place.prefix + layout.CHECKSUMS)
    return layout.parse_checksums(answer["Body"].read().decode("utf-8", "replace"))


def _remove(place: Place, paths: list[str]) -> None:
    for path in paths:
        place.client.delete_object(Bucket=place.bucket, Key=place.prefix + path)


def _verify(folder: Path, place: Place, wanted: list[str]) -> None:
    present = _sizes(place)
    wrong = [path for path in wanted if present.get(path) != (folder / path).stat().st_size]
    if wrong:
        raise DataError(
            "--bucket", place.url, f"{len(wrong)} objects did not arrive whole, first {wrong[0]}; run again"
        )
