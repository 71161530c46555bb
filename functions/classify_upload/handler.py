"""Classify one image, as soon as it is uploaded or on request, and answer its best classes."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import unquote_plus

from common import models, photos, settings, web
from common.answers import AwsError, CallError
from common.aws import Connection
from common.entry import entry, measure
from common.errors import InvalidEvent, OutOfTime, ResultFileInvalid, StorageUnavailable
from common.events import ImageReference, field, image_reference, require_allowed, uploaded
from common.photos import Photo
from common.storage import Caller, put

AWS = Connection(connect_s=2, read_s=12, attempts=3)
EVENT = 'Give {"url"}, {"image"}, or an event of S3 about an upload'
# Kept of the invocation's time for asking the model, once the image is there.
MODEL_S = 16.0
URL_S = 10.0


@entry
def handle(event: Any, context: Any) -> dict[str, Any]:
    """Classify what an event is about.

    Parameters
    ----------
    event
        ``{"url": "https://..."}`` of a host in URL_HOSTS; ``{"image": reference}``; or an upload as S3 tells it: an
        event of EventBridge, its detail alone, or a notification with Records.

    Returns
    -------
    dict
        ``{"image", "predictions", "decision", "model"}``, the TOP_K best classes first. For uploads ``{"results"}``,
        one each, as they were written below RESULTS_PREFIX; a folder that a console makes is only ``skipped``.

    Raises
    ------
    InvalidEvent, InvalidSetting, BucketNotAllowed, ImageNotFound, ImageUnreadable, ImageTooLarge, UnsupportedImage,
    TruncatedImage, UrlNotAllowed, UrlUnusable, ModelRefusedImage, ModelAnswerInvalid, EndpointUnusable,
    ResultFileInvalid
        Not worth a retry.
    StorageUnavailable, UrlUnavailable, ModelUnavailable, OutOfTime
        Worth a retry.
    """
    if not isinstance(event, dict):
        raise InvalidEvent("event", event, "is not an object", EVENT)
    if "url" in event:
        host, photo = _from_url(event["url"], context)
        return {"image": {"host": host, **_described(photo)}, **_classified(photo, context)}
    if "image" in event:
        image = image_reference(field(event, "image", (dict, str), EVENT))
        photo = _from_s3(image, context)
        return {"image": {**image, **_described(photo)}, **_classified(photo, context)}
    return {"results": [_recorded(image, size, context) for image, size in _uploads(event)]}


def _uploads(event: dict[str, Any]) -> list[tuple[ImageReference, int | None]]:
    """Return the uploads that an event tells of, each with its size where that is known."""
    if "Records" in event:
        records = field(event, "Records", list, EVENT)
        if not records:
            raise InvalidEvent("Records", records, "is empty", EVENT)
        return [_notified(record) for record in records]
    detail = field(event, "detail", dict, EVENT) if "detail" in event else event
    return [(uploaded(detail), detail["object"].get("size"))]


def _notified(record: Any) -> tuple[ImageReference, int | None]:
    """Read a record of S3's own notifications, where a key stands as in a URL.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    told = field(record, "s3", dict, EVENT, "Records")
    found = dict(field(told, "object", dict, EVENT, "Records.s3"))
    key = unquote_plus(field(found, "key", str, EVENT, "Records.s3.object"))
    named = {"version-id": found["versionId"]} if "versionId" in found else {}
    return uploaded({"bucket": told.get("bucket"), "object": {"key": key, **named}}), found.get("size")


def _recorded(image: ImageReference, size: int | None, context: Any) -> dict[str, Any]:
    """Classify an upload and write the answer where it is found again: the same upload has the same place."""
    if size == 0 and image["key"].endswith("/"):
        return {"image": image, "skipped": True}
    bucket, prefix = settings.text("RESULTS_BUCKET"), settings.text("RESULTS_PREFIX").strip("/")
    photo = _from_s3(image, context)
    result = {"image": {**image, **_described(photo)}, **_classified(photo, context)}
    name = image["key"].rpartition("/")[2][:80]
    what = json.dumps([image["bucket"], image["key"], photo.version or photo.etag])
    key = f"{prefix}/uploads/{name}-{hashlib.sha256(what.encode()).hexdigest()[:16]}.json"
    try:
        put(Caller(AWS, context), bucket, key, json.dumps(result).encode(), "application/json")
    except AwsError as error:
        if error.passing:
            raise StorageUnavailable("S3", error.code, error.message, "Try again later") from None
        remedy = "Check RESULTS_BUCKET, RESULTS_PREFIX and the function's role"
        raise ResultFileInvalid("S3", error.code, error.message or "is its answer", remedy) from None
    except CallError as error:
        raise StorageUnavailable("S3", str(error), "gave no answer", "Try again later") from None
    return {**result, "result": {"bucket": bucket, "key": key}}


def _from_s3(image: ImageReference, context: Any) -> Photo:
    require_allowed(image["bucket"], settings.names("ALLOWED_BUCKETS"))
    return photos.fetch(Caller(AWS, context), image, _max_bytes(), _max_pixels())


def _from_url(url: Any, context: Any) -> tuple[str, Photo]:
    """Return the host and the image of a URL; its path and query may be somebody's secret, and are not repeated."""
    left_s = context.get_remaining_time_in_millis() / 1000 - MODEL_S
    if left_s <= 0:
        raise OutOfTime(
            "remaining time in s", f"{left_s + MODEL_S:.1f}", f"is less than {MODEL_S:g}", "Raise timeout_s"
        )
    limits = web.Limits(_max_bytes(), connect_s=3, read_s=5, total_s=min(URL_S, left_s))
    data = web.fetch(url, settings.optional_names("URL_HOSTS", ""), limits)
    return url.split("/")[2].lower(), Photo(data, photos.header(data, _max_pixels()), None, "")


def _classified(photo: Photo, context: Any) -> dict[str, Any]:
    endpoint, top_k = settings.text("ENDPOINT_NAME"), settings.integer("TOP_K", "5", 1, 20)
    answer = models.ask(AWS, context, endpoint, photo.data, photo.header.format)
    measure("Images", 1)
    return {
        "predictions": models.classes(answer)[:top_k],
        "decision": models.decision(answer),
        "model": models.model(answer),
    }


def _described(photo: Photo) -> dict[str, Any]:
    return {"version": photo.version, "size": len(photo.data), **photo.header._asdict()}


def _max_bytes() -> int:
    return settings.integer("MAX_IMAGE_BYTES", "5242880", 1, 2**30)


def _max_pixels() -> int:
    return settings.integer("MAX_IMAGE_PIXELS", "25000000", 1, 2**30)
