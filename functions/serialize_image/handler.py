"""Turn an image reference into a claim check: checked, measured and pinned to a version, without its bytes."""

from __future__ import annotations

from typing import Any

from common import images, settings
from common.aws import Connection
from common.entry import entry, measure
from common.errors import ImageTooLarge
from common.events import ImageReference, field, image_reference, require_allowed
from common.storage import Caller, Piece, read_range

AWS = Connection(connect_s=2, read_s=5, attempts=3)
GIB = 2**30


@entry
def handle(event: Any, context: Any) -> dict[str, Any]:
    """Check one image and return its claim check.

    Parameters
    ----------
    event
        ``{"image": reference}`` or the reference itself: ``{"bucket", "key"[, "version"]}`` or ``"s3://bucket/key"``.

    Returns
    -------
    dict
        ``{"image": {"bucket", "key", "version", "size", "format", "width", "height"}}``; size in bytes, dimensions
        in pixels, version None where the bucket keeps none.

    Raises
    ------
    InvalidEvent, InvalidSetting, BucketNotAllowed, ImageNotFound, ImageUnreadable, ImageTooLarge, UnsupportedImage,
    TruncatedImage
        Not worth a retry.
    StorageUnavailable, OutOfTime
        Worth a retry.
    """
    max_bytes = settings.integer("MAX_IMAGE_BYTES", "5242880", 1, GIB)
    max_pixels = settings.integer("MAX_IMAGE_PIXELS", "25000000", 1, GIB)
    wrapped = isinstance(event, dict) and "image" in event
    image = image_reference(field(event, "image", (dict, str), "Give an image reference") if wrapped else event)
    require_allowed(image["bucket"], settings.names("ALLOWED_BUCKETS"))

    s3 = Caller(AWS, context)
    first = read_range(s3, image, 0, images.PIECE_BYTES)
    measure("ImageBytes", first.size)
    if first.size > max_bytes:
        raise ImageTooLarge(
            "image.size", first.size, f"is above the limit of {max_bytes} bytes (MAX_IMAGE_BYTES)", "Shrink the image"
        )
    pinned: ImageReference = {**image, "version": first.version}
    header = images.read_header(_reader(s3, pinned, first), first.size)
    if header.width * header.height > max_pixels:
        raise ImageTooLarge(
            "image.pixels",
            f"{header.width}x{header.height}",
            f"is above the limit of {max_pixels} pixels (MAX_IMAGE_PIXELS)",
            "Scale the image down",
        )
    return {"image": {**pinned, "size": first.size, **header._asdict()}}


def _reader(s3: Caller, image: ImageReference, first: Piece) -> images.Read:
    """Return a reader of the pinned object that does not fetch the first piece twice."""

    def read(start: int, length: int) -> bytes:
        if start + length <= len(first.data):
            return first.data[start : start + length]
        return read_range(s3, image, start, length, etag=first.etag).data

    return read
