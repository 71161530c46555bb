"""Ask the endpoint about one claimed image and keep the best classes."""

from __future__ import annotations

from typing import Any

from common import models, settings
from common.aws import Connection
from common.entry import entry
from common.errors import ImageChanged, ImageTooLarge, InvalidEvent
from common.events import ImageReference, address, field, require_allowed
from common.storage import Caller, read_range

CLAIM = "Pass on the answer of serialize_image"

AWS = Connection(connect_s=2, read_s=12, attempts=3)


@entry
def handle(event: Any, context: Any) -> dict[str, Any]:
    """Classify one image.

    Parameters
    ----------
    event
        The claim check: ``{"image": {"bucket", "key", "version", "size", "format", ...}}``.

    Returns
    -------
    dict
        The claim check with ``predictions``, the TOP_K best ``{"label", "index", "probability"}``, best first,
        ``decision``, what the model itself decided or None, and ``model``, ``{"variant", "version"}``.

    Raises
    ------
    InvalidEvent, InvalidSetting, BucketNotAllowed, ImageNotFound, ImageUnreadable, ImageTooLarge, ImageChanged,
    ModelRefusedImage, ModelAnswerInvalid, EndpointUnusable
        Not worth a retry.
    StorageUnavailable, ModelUnavailable, OutOfTime
        Worth a retry.
    """
    endpoint = settings.text("ENDPOINT_NAME")
    top_k = settings.integer("TOP_K", "3", 1, 20)
    image = field(event, "image", dict, CLAIM)
    kind = field(image, "format", str, CLAIM, "image")
    if kind not in models.CONTENT_TYPES:
        raise InvalidEvent("image.format", kind, f"is not one of {', '.join(models.CONTENT_TYPES)}", CLAIM)
    answer = models.ask(AWS, context, endpoint, _fetch(image, context), kind)
    return {
        "image": image,
        "predictions": models.classes(answer)[:top_k],
        "decision": models.decision(answer),
        "model": models.model(answer),
    }


def _fetch(image: dict[str, Any], context: Any) -> bytes:
    """Return the claimed bytes, exactly those the claim check describes."""
    claimed: ImageReference = {
        "bucket": field(image, "bucket", str, CLAIM, "image"),
        "key": field(image, "key", str, CLAIM, "image"),
        "version": image.get("version"),
    }
    size = field(image, "size", int, CLAIM, "image")
    require_allowed(claimed["bucket"], settings.names("ALLOWED_BUCKETS"))
    limit = settings.integer("MAX_IMAGE_BYTES", "5242880", 1, 2**30)
    if not 0 < size <= limit:
        raise ImageTooLarge("image.size", size, f"is not from 1 to {limit} bytes (MAX_IMAGE_BYTES)", "Shrink the image")
    piece = read_range(Caller(AWS, context), claimed, 0, size)
    if piece.size != size or len(piece.data) != size:
        raise ImageChanged("image.size", size, f"but {address(**claimed)} has {piece.size} bytes", "Start a new run")
    return piece.data
