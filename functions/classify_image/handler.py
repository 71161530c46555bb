"""Ask the endpoint about one claimed image and keep the best classes."""

from __future__ import annotations

import json
import math
from typing import Any

from common import settings
from common.answers import Answer, AwsError, CallError
from common.aws import Connection, Request
from common.endpoints import SAGEMAKER_RUNTIME, invocations_url
from common.entry import entry
from common.errors import (
    EndpointUnusable,
    FunctionError,
    ImageChanged,
    ImageTooLarge,
    InvalidEvent,
    ModelAnswerInvalid,
    ModelRefusedImage,
    ModelUnavailable,
)
from common.events import ImageReference, address, field, require_allowed
from common.storage import Caller, read_range

CONTENT_TYPES = {"png": "image/png", "jpeg": "image/jpeg"}
CLAIM = "Pass on the answer of serialize_image"
ANSWER = "Serve the model with the project's serving contract"

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
        and ``model``, ``{"variant", "version"}``.

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
    if kind not in CONTENT_TYPES:
        raise InvalidEvent("image.format", kind, f"is not one of {', '.join(CONTENT_TYPES)}", CLAIM)
    answer = _ask(endpoint, _fetch(image, context), CONTENT_TYPES[kind], context)
    predictions, version = _read_answer(answer.body, top_k)
    model = {"variant": answer.headers.get("x-amzn-invoked-production-variant"), "version": version}
    return {"image": image, "predictions": predictions, "model": model}


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


def _ask(endpoint: str, body: bytes, content_type: str, context: Any) -> Answer:
    """Invoke the endpoint.

    A timeout is not tried again here, though inference changes nothing: an endpoint that slow needs the workflow's
    longer pauses.
    """
    headers = {"Content-Type": content_type, "Accept": "application/json"}
    request = Request(SAGEMAKER_RUNTIME, "POST", invocations_url(endpoint), headers, body, len(body))
    try:
        return AWS.call(context, request, after_silence=False)
    except CallError as error:
        raise _known(endpoint, error) from None


def _known(endpoint: str, error: CallError) -> FunctionError:
    """Return the workflow's error for the endpoint's."""
    later = "Look at the endpoint's 5XX, latency and capacity alarms if it lasts"
    if not isinstance(error, AwsError):
        return ModelUnavailable("ENDPOINT_NAME", endpoint, f"gave no answer ({error})", later)
    if error.passing:
        return ModelUnavailable("ENDPOINT_NAME", endpoint, f"answered {error}", later)
    if error.code == "ModelError":
        said = error.message[:120]
        return ModelRefusedImage("image", f"{error.status} {said}", "is the model's answer", "Check the image")
    return EndpointUnusable(
        "ENDPOINT_NAME",
        endpoint,
        f"answered {error.code}",
        "Check that it exists, is InService and the role may invoke it",
    )


def _read_answer(body: bytes, top_k: int) -> tuple[list[dict[str, Any]], str | None]:
    """Return the best ``top_k`` predictions and the model's version from the endpoint's answer."""
    try:
        answer = json.loads(body)
        version = (answer.get("model") or {}).get("version")
        predictions = [_prediction(one) for one in answer["predictions"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelAnswerInvalid(
            "predictions", body[:80].decode(errors="replace"), f"cannot be read ({type(error).__name__})", ANSWER
        ) from None
    if not predictions:
        raise ModelAnswerInvalid("predictions", [], "names no class", ANSWER)
    predictions.sort(key=lambda one: (-one["probability"], one["index"]))
    return predictions[:top_k], version


def _prediction(one: Any) -> dict[str, Any]:
    label, index, probability = one["label"], int(one["index"]), float(one["probability"])
    if not isinstance(label, str) or not label or not math.isfinite(probability) or not 0 <= probability <= 1:
        raise ValueError(label)
    # Six digits tell any two classes apart that matter, and keep a batch of results within the workflow's state.
    return {"label": label, "index": index, "probability": round(probability, 6)}
