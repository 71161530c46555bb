"""Files that appear whole or not at all: on disk, or in S3 by one streamed multipart upload."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from training.data.upload import explained

if TYPE_CHECKING:
    from training.data.upload import Place

PART_BYTES = 8 << 20
"""Every part but the last must have 5 MiB, and there may be 10,000 of them
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html)."""

_BUFFER = 1 << 20


class Sink(Protocol):
    """Takes text; `finish` makes the file appear, `drop` leaves nothing behind."""

    def write(self, text: str) -> None: ...

    def finish(self) -> None: ...

    def drop(self) -> None: ...


class Local:
    """A file on disk."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._file = self._partial.open("w", encoding="utf-8", buffering=_BUFFER, newline="\n")

    def write(self, text: str) -> None:
        self._file.write(text)

    def finish(self) -> None:
        self._file.close()
        self._partial.replace(self._path)

    def drop(self) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)


class Object:
    """An object in S3; what fits into one part is put at once."""

    def __init__(self, place: Place, key: str) -> None:
        self._client, self._target = place.client, {"Bucket": place.bucket, "Key": place.prefix + key}
        self._url = place.url + key
        self._waiting: list[str] = []
        self._length = 0
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []

    def write(self, text: str) -> None:
        self._waiting.append(text)
        self._length += len(text)
        if self._length >= PART_BYTES:
            self._send()

    def finish(self) -> None:
        with explained("--out", self._url):
            if self._upload is None:
                body = "".join(self._waiting).encode()
                self._client.put_object(**self._target, Body=body, ContentType=_TYPE)
                return
            if self._waiting:
                self._send()
            done = {"Parts": self._parts}
            self._client.complete_multipart_upload(**self._target, UploadId=self._upload, MultipartUpload=done)

    def drop(self) -> None:
        if self._upload is not None:
            self._client.abort_multipart_upload(**self._target, UploadId=self._upload)

    def _send(self) -> None:
        body = "".join(self._waiting).encode()
        self._waiting.clear()
        self._length = 0
        with explained("--out", self._url):
            if self._upload is None:
                begun = self._client.create_multipart_upload(**self._target, ContentType=_TYPE)
                self._upload = begun["UploadId"]
            number = len(self._parts) + 1
            sent = self._client.upload_part(**self._target, UploadId=self._upload, PartNumber=number, Body=body)
        self._parts.append({"ETag": sent["ETag"], "PartNumber": number})


_TYPE = "application/jsonlines"
