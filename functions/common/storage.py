"""S3: reading ranges, listing and writing, with S3's errors turned into the ones the workflow knows."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any, NamedTuple, NoReturn
from urllib.parse import unquote_plus

from .answers import Answer, AwsError, CallError, NoAnswerError, xml
from .aws import Connection, Request
from .endpoints import S3, object_url
from .errors import FunctionError, ImageNotFound, ImageUnreadable, InvalidEvent, StorageUnavailable
from .events import IMAGE_FORMS, ImageReference, address

# Where the key is the reader's own business, S3 answers 405 for a version that is a delete marker.
_MISSING = {"404", "405", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "MethodNotAllowed"}
_HASH_BYTES = 2**20


class Piece(NamedTuple):
    """A range of one object version. ``size`` is the whole object's, in bytes; ``data`` may be shorter than asked."""

    data: bytes
    size: int
    version: str | None
    etag: str


class Caller(NamedTuple):
    """A connection, and the invocation whose time it may use."""

    connection: Connection
    context: Any

    def call(
        self, method: str, url: str, headers: dict[str, str], body: bytes | IO[bytes] = b"", size: int = 0
    ) -> Answer:
        """Send one request to S3; raises CallError."""
        return self.connection.call(self.context, Request(S3, method, url, headers, body, size))


def get_range(
    caller: Caller,
    bucket: str,
    key: str,
    start: int,
    length: int,
    *,
    version: str | None = None,
    etag: str | None = None,
) -> Piece:
    """Read at most ``length`` bytes from byte ``start`` on.

    One ranged GET also tells existence, size and version, which saves the HEAD. An empty object has no byte to give
    (S3 answers 416) and comes back as an empty piece.

    Parameters
    ----------
    start, length
        In bytes.
    version
        When given, exactly that one.
    etag
        When given, the object must still have this ETag (the pin for buckets without versions).

    Raises
    ------
    CallError
    """
    headers = {"Range": f"bytes={start}-{start + length - 1}"} | ({"If-Match": etag} if etag else {})
    query = {"versionId": version} if version else {}
    try:
        answer = caller.call("GET", object_url(bucket, key, **query), headers)
    except AwsError as error:
        if error.status == 416 and start == 0:
            return Piece(b"", 0, version, "")
        raise
    total = answer.headers.get("content-range", "").rpartition("/")[2]
    if not total.isdecimal() or len(answer.body) > length:
        raise NoAnswerError("NoRange")
    return Piece(answer.body, int(total), answer.headers.get("x-amz-version-id"), answer.headers.get("etag", ""))


def read_range(caller: Caller, image: ImageReference, start: int, length: int, etag: str | None = None) -> Piece:
    """Read a range of an image; see `get_range`.

    Raises
    ------
    ImageNotFound, ImageUnreadable, StorageUnavailable, InvalidEvent, OutOfTime
    """
    try:
        return get_range(caller, image["bucket"], image["key"], start, length, version=image["version"], etag=etag)
    except AwsError as error:
        _raise_known(caller, error, image)
    except CallError as error:
        raise StorageUnavailable("image", address(**image), f"S3 gave no answer ({error})", "Try again later") from None
    except InvalidEvent:
        raise InvalidEvent("image", address(**image), "is not a possible S3 address", IMAGE_FORMS) from None


def put(caller: Caller, bucket: str, key: str, body: bytes | IO[bytes], content_type: str) -> str | None:
    """Write an object with the checksum that S3 keeps beside it, and return its version.

    Encryption is the bucket's default. The same bytes under the same key twice do no harm.

    Raises
    ------
    CallError
    """
    checksum, size = _checksum(body)
    headers = {"Content-Type": content_type, "Content-Length": str(size), "x-amz-checksum-crc32": checksum}
    return caller.call("PUT", object_url(bucket, key), headers, body, size).headers.get("x-amz-version-id")


def listing(caller: Caller, bucket: str, prefix: str, most: int | None = None) -> Iterator[tuple[str, datetime]]:
    """Yield ``(key, last modified)`` of what lies under a prefix; ``most`` keys, or all.

    Raises
    ------
    CallError
    """
    # Keys may hold what no XML may, so S3 is asked to write them as in a URL.
    query = {"list-type": "2", "prefix": prefix, "encoding-type": "url"} | ({"max-keys": str(most)} if most else {})
    while True:
        page = xml(caller.call("GET", object_url(bucket, **query), {}).body)
        if page is None:
            raise NoAnswerError("NoListing")
        for found in page.iter("Contents"):
            yield unquote_plus(found.findtext("Key", "")), datetime.fromisoformat(found.findtext("LastModified", ""))
        token = page.findtext("NextContinuationToken")
        if most or not token:
            return
        query["continuation-token"] = token


def _raise_known(caller: Caller, error: AwsError, image: ImageReference) -> NoReturn:
    """Raise the workflow's error for S3's."""
    where = address(**image)
    missing = ImageNotFound("image", where, "does not exist", "Check bucket, key and version, or upload it first")
    if error.code in _MISSING:
        raise missing from None
    if error.passing:
        raise StorageUnavailable("image", where, f"S3 answered {error.code}", "Try again later") from None
    if error.code in {"403", "AccessDenied"} and not _listed(caller, image):
        raise missing from None
    raise ImageUnreadable(
        "image",
        where,
        f"S3 answered {error.code}",
        "Check that role, bucket policy, key and storage class allow reading it",
    ) from None


def _listed(caller: Caller, image: ImageReference) -> bool:
    # S3 answers 403, not 404, for a missing key when s3:ListBucket depends on s3:prefix, as it does for this role:
    # a GET carries no prefix. A listing does.
    try:
        return any(key == image["key"] for key, _ in listing(caller, image["bucket"], image["key"], most=1))
    except (CallError, FunctionError):
        return True  # not even allowed to look: forbidden, rather than missing


def _checksum(body: bytes | IO[bytes]) -> tuple[str, int]:
    """Return the CRC-32 as S3 writes it, and the size."""
    if isinstance(body, bytes):
        checksum, size = zlib.crc32(body), len(body)
    else:
        checksum = size = 0
        body.seek(0)
        while piece := body.read(_HASH_BYTES):
            checksum, size = zlib.crc32(piece, checksum), size + len(piece)
    return b64encode(checksum.to_bytes(4, "big")).decode(), size
