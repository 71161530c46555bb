"""Reading objects from S3, with S3's errors turned into the ones the workflow knows."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from .errors import FunctionError, ImageNotFound, ImageUnreadable, InvalidEvent, StorageUnavailable
from .events import IMAGE_FORMS, ImageReference, address

# HEAD-like answers carry the status as code; 405 is a version that is a delete marker.
_MISSING = {"404", "405", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "MethodNotAllowed"}
_BUSY = {"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "KMS.ThrottlingException", "429"}


class Piece(NamedTuple):
    """A range of one object version. ``size`` is the whole object's, in bytes; ``data`` may be shorter than asked."""

    data: bytes
    size: int
    version: str | None
    etag: str


def read_range(client: Any, image: ImageReference, start: int, length: int, etag: str | None = None) -> Piece:
    """Read at most ``length`` bytes from byte ``start`` on.

    One ranged GET also tells existence, size and version, which saves the HEAD. An empty object has no byte to give
    (S3 answers 416) and comes back as an empty piece.

    Parameters
    ----------
    client
        An S3 client.
    image
        The object; with a version, exactly that one.
    start, length
        In bytes.
    etag
        When given, the object must still have this ETag (the pin for buckets without versions).

    Raises
    ------
    ImageNotFound, ImageUnreadable, StorageUnavailable
    """
    request = {"Bucket": image["bucket"], "Key": image["key"], "Range": f"bytes={start}-{start + length - 1}"}
    if image["version"]:
        request["VersionId"] = image["version"]
    if etag:
        request["IfMatch"] = etag
    try:
        answer = client.get_object(**request)
        data = answer["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"InvalidRange", "416"} and start == 0:
            return Piece(b"", 0, image["version"], "")
        raise_known(client, error, image)
    except BotoCoreError as error:
        raise unavailable(error, image) from None
    total = answer.get("ContentRange", "").rpartition("/")[2]
    return Piece(data, int(total or answer["ContentLength"]), answer.get("VersionId"), answer["ETag"])


def raise_known(client: Any, error: ClientError, image: ImageReference) -> NoReturn:
    """Raise the workflow's error for S3's."""
    code = error.response["Error"]["Code"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    where = address(**image)
    missing = ImageNotFound("image", where, "does not exist", "Check bucket, key and version, or upload it first")
    if code in _MISSING:
        raise missing from None
    if code in _BUSY or status >= 500:
        raise StorageUnavailable("image", where, f"S3 answered {code}", "Try again later") from None
    if code in {"403", "AccessDenied"} and not _listed(client, image):
        raise missing from None
    raise ImageUnreadable(
        "image", where, f"S3 answered {code}", "Check that role, bucket policy, key and storage class allow reading it"
    ) from None


def unavailable(error: BotoCoreError, image: ImageReference) -> FunctionError:
    """Return the error for a request botocore refused to send, or that stayed without an answer after its retries."""
    if isinstance(error, ParamValidationError):
        return InvalidEvent("image", address(**image), "is not a possible S3 address", IMAGE_FORMS)
    return StorageUnavailable(
        "image", address(**image), f"S3 gave no answer ({type(error).__name__})", "Try again later"
    )


def _listed(client: Any, image: ImageReference) -> bool:
    # S3 answers 403, not 404, for a missing key when s3:ListBucket depends on s3:prefix, as it does for this role:
    # a GET carries no prefix. A listing does.
    try:
        page = client.list_objects_v2(Bucket=image["bucket"], Prefix=image["key"], MaxKeys=1)
    except (BotoCoreError, ClientError):
        return True  # not even allowed to look: forbidden, rather than missing
    return any(found["Key"] == image["key"] for found in page.get("Contents", []))
