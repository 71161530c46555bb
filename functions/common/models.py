"""Asking an endpoint about an image, and reading what it answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, TypeVar

from .answers import Answer, AwsError, CallError
from .aws import Connection, Request
from .endpoints import SAGEMAKER_RUNTIME, invocations_url
from .errors import EndpointUnusable, FunctionError, ModelAnswerInvalid, ModelRefusedImage, ModelUnavailable

CONTENT_TYPES = {"png": "image/png", "jpeg": "image/jpeg"}
VERDICTS = ("positive", "negative", "abstain")
_CONTRACT = "Serve the model with the project's serving contract"

T = TypeVar("T")


def ask(
    connection: Connection, context: Any, endpoint: str, body: bytes, kind: str, *, setting: str = "ENDPOINT_NAME"
) -> Answer:
    """Invoke an endpoint with one image.

    A timeout is not tried again here, though inference changes nothing: an endpoint that slow needs the workflow's
    longer pauses.

    Parameters
    ----------
    kind
        The image's format, one of CONTENT_TYPES.
    setting
        The environment variable that names the endpoint, for errors.

    Raises
    ------
    ModelUnavailable, ModelRefusedImage, EndpointUnusable, OutOfTime
    """
    headers = {"Content-Type": CONTENT_TYPES[kind], "Accept": "application/json"}
    request = Request(SAGEMAKER_RUNTIME, "POST", invocations_url(endpoint), headers, body, len(body))
    try:
        return connection.call(context, request, after_silence=False)
    except CallError as error:
        raise _known(setting, endpoint, error) from None


def classes(answer: Answer) -> list[dict[str, Any]]:
    """Return a classifier's predictions, the likeliest first: ``{"label", "index", "probability"}``.

    Raises
    ------
    ModelAnswerInvalid
    """
    predictions = _read(answer, lambda content: [_prediction(one) for one in content["predictions"]])
    if not predictions:
        raise ModelAnswerInvalid("predictions", [], "names no class", _CONTRACT)
    return sorted(predictions, key=lambda one: (-one["probability"], one["index"]))


def boxes(answer: Answer) -> list[dict[str, Any]]:
    """Return a detector's predictions, the surest first; there may be none.

    Each is ``{"label", "index", "score", "box"}``, the box being left, top, right and bottom in pixels of the image.

    Raises
    ------
    ModelAnswerInvalid
    """
    found = _read(answer, lambda content: [_box(one) for one in content["predictions"]])
    return sorted(found, key=lambda one: -one["score"])


def decision(answer: Answer) -> dict[str, Any] | None:
    """Return what the model itself decided, or None where it leaves that to others.

    ``{"verdict": one of VERDICTS, "positive", "probability", "threshold"}``: ``positive`` is the class that is decided
    about, "" where the answer does not name it, and the probability is that class's.

    Raises
    ------
    ModelAnswerInvalid
    """
    return _read(answer, lambda content: _decision(content.get("decision")))


def model(answer: Answer) -> dict[str, Any]:
    """Return who answered: ``{"variant", "version"}``, None where it is not told.

    Raises
    ------
    ModelAnswerInvalid
    """
    version = _read(answer, lambda content: (content.get("model") or {}).get("version"))
    return {"variant": answer.headers.get("x-amzn-invoked-production-variant"), "version": version}


def share(value: Any) -> float:
    """Return a number from 0 to 1; raises ValueError or TypeError for anything else."""
    number = float(value)
    if isinstance(value, bool) or not 0 <= number <= 1:  # also false for NaN
        raise ValueError(value)
    return number


def _read(answer: Answer, part: Callable[[dict[str, Any]], T]) -> T:
    try:
        return part(json.loads(answer.body))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        shown = answer.body[:80].decode(errors="replace")
        raise ModelAnswerInvalid("predictions", shown, f"cannot be read ({type(error).__name__})", _CONTRACT) from None


def _label(one: Any) -> str:
    label = one["label"]
    if not isinstance(label, str) or not label:
        raise ValueError(label)
    return label


def _prediction(one: Any) -> dict[str, Any]:
    # Six digits tell any two classes apart that matter, and keep a batch of results within the workflow's state.
    return {
        "label": _label(one),
        "index": int(one["index"]),
        "probability": round(share(one["probability"]), 6),
    }


def _box(one: Any) -> dict[str, Any]:
    box = [float(edge) for edge in one["box"]]
    if len(box) != 4 or not all(math.isfinite(edge) for edge in box) or box[0] > box[2] or box[1] > box[3]:
        raise ValueError(box)
    return {
        "label": _label(one),
        "index": int(one["index"]),
        "score": round(share(one["score"]), 6),
        "box": [round(edge, 2) for edge in box],
    }


def _decision(one: Any) -> dict[str, Any] | None:
    if one is None:
        return None
    if one["verdict"] not in VERDICTS:
        raise ValueError(one["verdict"])
    positive = one.get("positive") or ""
    if not isinstance(positive, str):
        raise TypeError(positive)
    return {
        "verdict": one["verdict"],
        "positive": positive,
        "probability": share(one["probability"]),
        "threshold": share(one["threshold"]),
    }


def _known(setting: str, endpoint: str, error: CallError) -> FunctionError:
    """Return the workflow's error for the endpoint's."""
    later = "Look at the endpoint's 5XX, latency and capacity alarms if it lasts"
    if not isinstance(error, AwsError):
        return ModelUnavailable(setting, endpoint, f"gave no answer ({error})", later)
    if error.passing:
        return ModelUnavailable(setting, endpoint, f"answered {error}", later)
    if error.code == "ModelError":
        said = error.message[:120]
        return ModelRefusedImage("image", f"{error.status} {said}", "is the model's answer", "Check the image")
    return EndpointUnusable(
        setting,
        endpoint,
        f"answered {error.code}",
        "Check that it exists, is InService and the role may invoke it",
    )
