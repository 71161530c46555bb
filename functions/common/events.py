"""Reading events: every field is checked where it is read, and a wrong one is named."""

from __future__ import annotations

from typing import Any, TypedDict

from .errors import BucketNotAllowed, InvalidEvent

UPLOAD = "Pass on the detail of S3's event"
IMAGE_FORMS = 'Give {"bucket", "key"} with an optional "version", or "s3://bucket/key"'


class ImageReference(TypedDict):
    """An object in S3; ``version`` is None for the newest one."""

    bucket: str
    key: str
    version: str | None


def field(event: Any, name: str, kind: type | tuple[type, ...], remedy: str, path: str = "") -> Any:
    """Return ``event[name]`` when it is there and of ``kind``; bool never passes for a number.

    Raises
    ------
    InvalidEvent
        Naming ``path`` and ``name``, what came, and ``remedy``.
    """
    where = f"{path}.{name}" if path else name
    if not isinstance(event, dict):
        raise InvalidEvent(path or "event", event, "is not an object", remedy)
    if name not in event:
        raise InvalidEvent(where, sorted(map(str, event)), "is missing; the fields present are listed", remedy)
    value = event[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidEvent(where, value, f"has the wrong type {type(value).__name__}", remedy)
    return value


def image_reference(reference: Any) -> ImageReference:
    """Read one image reference in any of the forms the workflow's input allows.

    An unknown field is refused: a mistyped ``version`` would silently classify another version.
    """
    if isinstance(reference, str):
        scheme, _, rest = reference.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket or not key:
            raise InvalidEvent("image", reference, "is not an S3 address", IMAGE_FORMS)
        reference = {"bucket": bucket, "key": key}
    bucket = field(reference, "bucket", str, IMAGE_FORMS, "image")
    key = field(reference, "key", str, IMAGE_FORMS, "image")
    version = reference.get("version")
    unknown = sorted(set(reference) - {"bucket", "key", "version"})
    if unknown:
        raise InvalidEvent(f"image.{unknown[0]}", reference[unknown[0]], "is not a known field", IMAGE_FORMS)
    if version is not None and not isinstance(version, str):
        raise InvalidEvent("image.version", version, "is not a version id", IMAGE_FORMS)
    for name, value in (("bucket", bucket), ("key", key)):
        if not value:
            raise InvalidEvent(f"image.{name}", value, "is empty", IMAGE_FORMS)
        # JSON can carry half a surrogate pair, which no S3 key can hold.
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidEvent(f"image.{name}", ascii(value), "is not valid Unicode", IMAGE_FORMS)
    return {"bucket": bucket, "key": key, "version": version or None}


def uploaded(detail: Any) -> ImageReference:
    """Read the upload that the detail of S3's event tells of; a key stands there as it is, not as in a URL.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    bucket = field(field(detail, "bucket", dict, UPLOAD), "name", str, UPLOAD, "bucket")
    found = field(detail, "object", dict, UPLOAD)
    named = {"version": found["version-id"]} if "version-id" in found else {}
    return image_reference({"bucket": bucket, "key": field(found, "key", str, UPLOAD, "object"), **named})


def require_allowed(bucket: str, allowed: frozenset[str]) -> None:
    """Raise BucketNotAllowed unless ``bucket`` is on the list: an event must not choose what the role reads."""
    if bucket not in allowed:
        raise BucketNotAllowed(
            "image.bucket", bucket, "is not in ALLOWED_BUCKETS", f"Copy the image to {' or '.join(sorted(allowed))}"
        )


def address(bucket: str, key: str, version: str | None = None) -> str:
    """Return the S3 address as shown to people."""
    return f"s3://{bucket}/{key}" + (f" (version {version})" if version else "")
