"""Judge a claim by its photos: is there a car, is it damaged, and what follows from that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from common import claim_rule, models, photos, settings
from common.aws import Connection
from common.claim_record import claim_id
from common.entry import entry, measure
from common.errors import InvalidEvent, ModelAnswerInvalid
from common.events import ImageReference, field, image_reference, require_allowed, uploaded
from common.storage import Caller

AWS = Connection(connect_s=2, read_s=12, attempts=3)
MOST_PHOTOS = 10
# So much evidence of a photo is kept; a detector may see a whole car park.
MOST_BOXES = 10
MOST_CLASSES = 10
EVENT = 'Give {"claim": {"id", "images"}}, or the detail of S3\'s event about an upload'
SMALLEST = 1e-6  # a threshold of 0 would file everything


class _Settings(NamedTuple):
    detector: str
    classifier: str
    car_label: str
    damage_label: str
    car_threshold: float
    damage_threshold: float
    max_bytes: int
    max_pixels: int


@entry
def handle(event: Any, context: Any) -> dict[str, Any]:
    """Assess one claim. Nothing is changed, so that it may be repeated.

    Parameters
    ----------
    event
        ``{"claim": {"id", "images": [reference, ...]}}`` with 1 to 10 references, each ``{"bucket", "key"}`` with an
        optional ``version``, or ``"s3://bucket/key"``; or the detail of S3's event about an object that was created
        below ``INCOMING_PREFIX<claim id>/``.

    Returns
    -------
    dict
        ``{"claim", "verdict", "reason", "thresholds", "labels", "photos", "assessed_at"}``; each photo with its
        version, header, boxes in pixels, probabilities, the models that answered, and its own verdict and reason.

    Raises
    ------
    InvalidEvent, InvalidSetting, BucketNotAllowed, ImageNotFound, ImageUnreadable, ImageTooLarge, UnsupportedImage,
    TruncatedImage, ModelRefusedImage, ModelAnswerInvalid, EndpointUnusable
        Not worth a retry. One photo that cannot be judged fails the claim: nobody decides on half of it.
    StorageUnavailable, ModelUnavailable, OutOfTime
        Worth a retry.
    """
    given = _Settings(
        detector=settings.text("DETECTOR_ENDPOINT_NAME"),
        classifier=settings.text("ENDPOINT_NAME"),
        car_label=settings.text("CAR_LABEL", "car"),
        damage_label=settings.text("DAMAGE_LABEL", "damaged"),
        car_threshold=settings.number("CAR_THRESHOLD", "0.5", SMALLEST, 1),
        damage_threshold=settings.number("DAMAGE_THRESHOLD", "0.5", SMALLEST, 1),
        max_bytes=settings.integer("MAX_IMAGE_BYTES", "5242880", 1, 2**30),
        max_pixels=settings.integer("MAX_IMAGE_PIXELS", "25000000", 1, 2**30),
    )
    claim, references = _submission(event)
    for image in references:
        require_allowed(image["bucket"], settings.names("ALLOWED_BUCKETS"))
    judged = [_photo(image, given, context) for image in references]
    reason = claim_rule.of_claim([photo["reason"] for photo in judged])
    measure("Images", len(judged))
    return {
        "claim": claim,
        "verdict": claim_rule.verdict(reason),
        "reason": reason,
        "thresholds": {"car": given.car_threshold, "damage": given.damage_threshold},
        "labels": {"car": given.car_label, "damage": given.damage_label},
        "photos": judged,
        "assessed_at": _now(),
    }


def _submission(event: Any) -> tuple[str, list[ImageReference]]:
    """Return the claim's id and its photos, however it was submitted."""
    if not isinstance(event, dict) or ("claim" in event) == ("object" in event):
        raise InvalidEvent("event", event, "must hold either claim or object", EVENT)
    if "object" in event:
        image = uploaded(event)
        prefix = settings.text("INCOMING_PREFIX")
        folder, slash, file = image["key"].removeprefix(prefix).partition("/")
        if not image["key"].startswith(prefix) or not slash or not file:
            raise InvalidEvent(
                "object.key", image["key"], "lies in no claim's folder", f"Upload to {prefix}<claim id>/<file>"
            )
        return claim_id(folder, "object.key"), [image]
    claim = field(event, "claim", dict, EVENT)
    listed = field(claim, "images", list, EVENT, "claim")
    if not 1 <= len(listed) <= MOST_PHOTOS:
        raise InvalidEvent("claim.images", len(listed), f"photos are not 1 to {MOST_PHOTOS}", EVENT)
    return claim_id(field(claim, "id", str, EVENT, "claim"), "claim.id"), [image_reference(one) for one in listed]


def _photo(image: ImageReference, given: _Settings, context: Any) -> dict[str, Any]:
    """Return one photo's evidence; the classifier is asked only where there is a car."""
    photo = photos.fetch(Caller(AWS, context), image, given.max_bytes, given.max_pixels)
    kind = photo.header.format
    seen = models.ask(AWS, context, given.detector, photo.data, kind, setting="DETECTOR_ENDPOINT_NAME")
    boxes = models.boxes(seen)
    reason = claim_rule.without_car(
        [box["score"] for box in boxes if box["label"] == given.car_label], given.car_threshold
    )
    classifier, classes = None, None
    if reason is None:
        answer = models.ask(AWS, context, given.classifier, photo.data, kind)
        classes = models.classes(answer)
        classifier = {"endpoint": given.classifier, **models.model(answer)}
        reason = _damage({one["label"]: one["probability"] for one in classes}, given)
    return {
        "bucket": image["bucket"],
        "key": image["key"],
        "version": photo.version,
        "etag": photo.etag,
        "size": len(photo.data),
        **photo.header._asdict(),
        "boxes": boxes[:MOST_BOXES],
        "classes": classes and classes[:MOST_CLASSES],
        "detector": {"endpoint": given.detector, **models.model(seen)},
        "classifier": classifier,
        "verdict": claim_rule.verdict(reason),
        "reason": reason,
        "assessed_at": _now(),
    }


def _damage(probabilities: dict[str, float], given: _Settings) -> str:
    try:
        return claim_rule.of_car(probabilities, given.damage_label, given.damage_threshold)
    except KeyError:
        raise ModelAnswerInvalid(
            "predictions", sorted(probabilities), f"have no class {given.damage_label}", "Set DAMAGE_LABEL to the one"
        ) from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
