"""The objects of a transform job: which there are, what becomes of each, where the results go."""

from __future__ import annotations

import gzip
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from rehearsal.aws.sagemaker import s3
from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.training import channels
from rehearsal.aws.sagemaker.transform.records import MEGABYTE, batches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from rehearsal.aws.sagemaker.transform.client import Client


class Source(NamedTuple):
    """One input object; ``name`` is its key without what the request's prefix or manifest already says."""

    bucket: str
    key: str
    name: str
    zipped: bool


def sources(client: Any, request: dict[str, Any]) -> list[Source]:
    """Return the input objects in order.

    Raises
    ------
    FailedError
        When there are none, or they cannot be listed.
    """
    given = request["TransformInput"]
    source, zipped = given["DataSource"]["S3DataSource"], given.get("CompressionType") == "Gzip"
    return [Source(*found, zipped) for found in channels.listed(client, "transform input", source)]


def transform(client: Any, found: list[Source], folder: Path, asked: Client, split: bool) -> dict[Source, str]:
    """Write the result of each object below ``folder``; return the reason of each that failed.

    Requests are begun ahead of the one whose answer is due, and answers are written in the order of the records.
    """
    failed: dict[Source, str] = {}
    waiting: deque[tuple[Source, Future[bytes]]] = deque()

    def settle(most: int) -> None:
        while len(waiting) > most:
            source, future = waiting.popleft()
            try:
                made = future.result()
            except FailedError as error:
                failed.setdefault(source, str(error))
                continue
            with _result(folder, source).open("ab") as out:
                out.write(made)

    with ThreadPoolExecutor(asked.workers) as pool:
        for source in found:
            try:
                _result(folder, source).parent.mkdir(parents=True, exist_ok=True)
                _result(folder, source).write_bytes(b"")
                for records in _records(client, source, folder, asked, split):
                    if asked.stopped.is_set() or source in failed:
                        break
                    waiting.append((source, pool.submit(asked.ask, records)))
                    settle(2 * asked.workers)
            except FailedError as error:
                failed.setdefault(source, str(error))
        settle(0)
    return failed


def upload(client: Any, output: dict[str, Any], folder: Path, done: list[Source]) -> None:
    """Upload the results of the objects that succeeded as a whole.

    Raises
    ------
    FailedError
        When the role may not write there.
    """
    target = output["S3OutputPath"].rstrip("/")
    try:
        for source in done:
            s3.upload(client, _result(folder, source), f"{target}/{source.name}.out", output.get("KmsKeyId"))
    except (ClientError, S3UploadFailedError) as error:
        raise FailedError(f"ClientError: Failed to upload output to {target}: {error}") from error


def _records(client: Any, source: Source, folder: Path, asked: Client, split: bool) -> Iterator[list[bytes]]:
    copy = folder / "input"
    try:
        s3.download(client, source.bucket, source.key, copy)
        with gzip.open(copy) if source.zipped else copy.open("rb") as content:
            limit = asked.limits.payload_mb * MEGABYTE or None
            yield from batches(content, by_line=split, single=asked.limits.single, limit=limit)
    except (ClientError, OSError, EOFError) as error:
        raise FailedError(f"ClientError: {source.key} cannot be read: {error}") from error


def _result(folder: Path, source: Source) -> Path:
    return folder / "output" / f"{source.name}.out"
