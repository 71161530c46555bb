"""Where capture files lie: a folder, or a bucket with a prefix per hour."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.monitoring.errors import MonitoringError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 1 << 18
_ATTEMPTS = 4
_LOCATION = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read from its start.

    Attributes
    ----------
    name, version
        Where it is, and what changes when its content does.
    chunks
        Opens it; yields its bytes in pieces.
    """

    name: str
    version: str
    chunks: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Window:
    """The time from `start` up to, and not including, `end`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise MonitoringError("window", f"{self.start} to {self.end}", "must end after it starts")

    def place(self, time: str) -> str:
        """Whether a captured time lies before, in or after the window; "unknown" when it is none."""
        try:
            at = moment(time)
        except MonitoringError:
            return "unknown"
        return "before" if at < self.start else "in" if at < self.end else "after"

    def hours(self, slack: timedelta) -> Iterator[str]:
        """The hour partitions that may hold its records when those come up to `slack` late."""
        hour = self.start.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        while hour < self.end + slack:
            yield f"{hour:%Y/%m/%d/%H}/"
            hour += timedelta(hours=1)


def moment(text: str) -> datetime:
    """A time, ISO 8601; UTC when it names no zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise MonitoringError("time", text, "write it like 2026-11-21T13:00:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def folder(path: Path, pattern: str = "*.jsonl") -> Iterator[Source]:
    """All files under a folder, by name; a single file is its own only one."""
    if path.is_file():
        yield _file(path)
        return
    if not path.is_dir():
        raise MonitoringError("folder", str(path), "is neither a folder nor a file")
    for found in sorted(path.rglob(pattern)):
        if found.is_file():
            yield _file(found)


def s3(client: Any, location: str, window: Window | None, slack: timedelta = timedelta(hours=1)) -> Iterator[Source]:
    """Capture files under an S3 location that ends where the hours begin, hour by hour.

    Parameters
    ----------
    client
        boto3's S3 client.
    location
        `s3://bucket/prefix/endpoint/variant/`: what precedes `yyyy/mm/dd/hh/` in the keys.
    window
        Read the partitions of these hours, and of `slack` after; without it, all there is.
    """
    bucket, prefix = split_location(location)
    prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    for part in [""] if window is None else window.hours(slack):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + part):
            for entry in page.get("Contents", []):
                if entry["Key"].endswith(".jsonl"):
                    yield _object(client, bucket, entry["Key"], entry["ETag"])


def split_location(location: str) -> tuple[str, str]:
    """Bucket and prefix of an `s3://` location."""
    if not (found := _LOCATION.fullmatch(location)):
        raise MonitoringError("location", location, "write it like s3://bucket/prefix/")
    return found[1], found[2] or ""


def _file(path: Path) -> Source:
    state = path.stat()

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece

    return Source(str(path), f"{state.st_size}-{state.st_mtime_ns}", chunks)


def _object(client: Any, bucket: str, key: str, etag: str) -> Source:
    def chunks() -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415  a folder needs no AWS

        done = 0
        for attempt in range(_ATTEMPTS):
            # A connection that breaks is taken up where it broke, on the same version of the object.
            extra = {"Range": f"bytes={done}-"} if done else {}
            try:
                body = client.get_object(Bucket=bucket, Key=key, IfMatch=etag, **extra)["Body"]
                while piece := body.read(CHUNK):
                    done += len(piece)
                    yield piece
                return
            except (BotoCoreError, OSError):
                if attempt + 1 == _ATTEMPTS:
                    raise

    return Source(f"s3://{bucket}/{key}", etag, chunks)
