"""Ask the endpoint about one claimed image and keep the best classes."""

from __future__ import annotations

import json
import math
import random
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, ReadTimeoutError  # noqa: A004
from common import settings
from common.clients import client
from common.entry import entry, log
from common.errors import (
    EndpointUnusable,
    FunctionError,
    ImageChanged,
    ImageTooLarge,
    InvalidEvent,
    ModelAnswerInvalid,
    ModelRefusedImage,
    ModelUnavailable,
    OutOfTime,
)
from common.events import ImageReference, address, field, require_allowed
from common.storage import read_range

CONNECT_S = 2.0
READ_S = 12.0
ATTEMPTS = 3
# An attempt may take this long, so none is begun with less time left: it would be killed, its answer paid and lost.
ATTEMPT_MS = (CONNECT_S + READ_S + 1.0) * 1000
FIRST_WAIT_S = 0.2
CONTENT_TYPES = {"png": "image/png", "jpeg": "image/jpeg"}
CLAIM = "Pass on the answer of serialize_image"
ANSWER = "Serve the model with the project's serving contract"
BUSY = {"ThrottlingException", "TooManyRequestsException", "ModelNotReadyException", "ServiceUnavailable"}
# Not from the image: the endpoint's own failures, whatever status they come with.
INTERNAL = {"InternalFailure", "InternalServerException", "InternalDependencyException", "InternalStreamFailure"}

S3 = client("s3", connect_s=2, read_s=10, attempts=2)
RUNTIME = client("sagemaker-runtime", connect_s=CONNECT_S, read_s=READ_S, attempts=1)


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
    answer = _ask(endpoint, _fetch(image), CONTENT_TYPES[kind], context)
    predictions, version = _read_answer(answer["Body"].read(), top_k)
    model = {"variant": answer.get("InvokedProductionVariant"), "version": version}
    return {"image": image, "predictions": predictions, "model": model}


def _fetch(image: dict[str, Any]) -> bytes:
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
    piece = read_range(S3, claimed, 0, size)
    if piece.size != size or len(piece.data) != size:
        raise ImageChanged("image.size", size, f"but {address(**claimed)} has {piece.size} bytes", "Start a new run")
    return piece.data


def _ask(endpoint: str, body: bytes, content_type: str, context: Any) -> dict[str, Any]:
    """Invoke the endpoint; try again after failures that say nothing about the image, while there is time."""
    for attempt in range(1, ATTEMPTS + 1):
        left_ms = context.get_remaining_time_in_millis()
        if left_ms < ATTEMPT_MS:
            raise OutOfTime(
                "remaining time in ms", left_ms, f"is too little for attempt {attempt}", "Raise the function's timeout"
            )
        try:
            return RUNTIME.invoke_endpoint(
                EndpointName=endpoint, Body=body, ContentType=content_type, Accept="application/json"
            )
        except (ClientError, BotoCoreError) as error:
            known = _known(endpoint, error)
            again = isinstance(known, ModelUnavailable) and not isinstance(error, ReadTimeoutError)
            if not again or attempt == ATTEMPTS:
                raise known from None
            log("INFO", "asking again", attempt=attempt, problem=known.problem)
            # Full jitter: many functions see an overloaded endpoint at the same moment.
            time.sleep(random.uniform(0, FIRST_WAIT_S * 2**attempt))  # noqa: S311 (spreads load, guards nothing)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _known(endpoint: str, error: ClientError | BotoCoreError) -> FunctionError:
    """Return the workflow's error for the endpoint's.

    A read timeout is not retried here, though inference changes nothing: an endpoint that slow needs the workflow's
    longer pauses.
    """
    later = "Look at the endpoint's 5XX, latency and capacity alarms if it lasts"
    if not isinstance(error, ClientError):
        kind = type(error).__name__
        if isinstance(error, ConnectionError | ReadTimeoutError):
            return ModelUnavailable("ENDPOINT_NAME", endpoint, f"gave no answer ({kind})", later)
        return EndpointUnusable(
            "ENDPOINT_NAME", endpoint, f"cannot be called ({kind})", "Check the function's settings"
        )
    code = error.response["Error"]["Code"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "ModelError":
        status = int(str(error.response.get("OriginalStatusCode", 500)))
        if status < 500 and status != 429:
            said = str(error.response.get("OriginalMessage", ""))[:120]
            return ModelRefusedImage("image", f"{status} {said}", "is the model's answer", "Check the image")
    if code in BUSY or code in INTERNAL or status >= 500 or status == 429:
        return ModelUnavailable("ENDPOINT_NAME", endpoint, f"answered {code} ({status})", later)
    return EndpointUnusable(
        "ENDPOINT_NAME", endpoint, f"answered {code}", "Check that it exists, is InService and the role may invoke it"
    )


def _read_answer(body: bytes, top_k: int) -> tuple[list[dict[str, Any]], str | None]:
    """Return the best ``top_k`` predictions and the model's version from the endpoint's answer."""
    try:
        answer = json.loads(body)
        version = (answer.get("model") or {}).get("version")
        predictions = [_prediction(one) for one in answer["predictions"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
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
