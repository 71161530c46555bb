"""Decide whether the best class is good enough to act on."""

from __future__ import annotations

from typing import Any

from common import settings
from common.entry import entry, measure
from common.errors import InvalidEvent, LowConfidence
from common.events import field

ANSWER = "Pass on the answer of classify_image"
SMALLEST = 1e-6  # a threshold of 0 would accept everything: then leave the step out


@entry
def handle(event: Any, context: Any) -> dict[str, Any]:  # noqa: ARG001 (Lambda's signature)
    """Accept the best prediction, or ask for a person.

    A probability equal to CONFIDENCE_THRESHOLD is accepted.

    Parameters
    ----------
    event
        The answer of classify_image: ``{"image", "predictions", "model"}``.

    Returns
    -------
    dict
        The event with ``status`` (``classified`` or ``for_review``), ``label``, ``probability`` and ``threshold``.

    Raises
    ------
    InvalidEvent, InvalidSetting
    LowConfidence
        Below the threshold, where LOW_CONFIDENCE is ``raise``.
    """
    threshold = settings.number("CONFIDENCE_THRESHOLD", "0.93", SMALLEST, 1)
    low = settings.text("LOW_CONFIDENCE", "review", ("review", "raise"))
    predictions = field(event, "predictions", list, ANSWER)
    if not predictions:
        raise InvalidEvent("predictions", predictions, "is empty", ANSWER)
    best = max(
        (
            (
                field(one, "probability", (int, float), ANSWER, f"predictions[{number}]"),
                -number,  # of equals the first, as classify_image sorted them
                field(one, "label", str, ANSWER, f"predictions[{number}]"),
            )
            for number, one in enumerate(predictions)
        ),
    )
    probability, _, label = best
    if not 0 <= probability <= 1:
        raise InvalidEvent("predictions.probability", probability, "is not from 0 to 1", ANSWER)
    accepted = probability >= threshold
    measure("LowConfidence", int(not accepted))
    if not accepted and low == "raise":
        raise LowConfidence(
            "probability", probability, f"{label} stays below the threshold {threshold:g}", "Have a person look at it"
        )
    status = "classified" if accepted else "for_review"
    return {**event, "status": status, "label": label, "probability": probability, "threshold": threshold}
