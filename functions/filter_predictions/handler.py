"""Decide whether the best class is good enough to act on."""

from __future__ import annotations

from typing import Any

from common import settings
from common.entry import entry, measure
from common.errors import InvalidEvent, LowConfidence
from common.events import field

ANSWER = "Pass on the answer of classify_image"
VERDICTS = ("positive", "negative", "abstain")
SMALLEST = 1e-6  # a threshold of 0 would accept everything: then leave the step out


@entry
def handle(event: Any, context: Any) -> dict[str, Any]:  # noqa: ARG001 (Lambda's signature)
    """Accept the best prediction, or ask for a person.

    A probability equal to CONFIDENCE_THRESHOLD is accepted. A model that decides itself knows better: its ``positive``
    and ``negative`` are accepted and its ``abstain`` is for a person, whatever the probabilities are.

    Parameters
    ----------
    event
        The answer of classify_image: ``{"image", "predictions", "decision", "model"}``; ``decision`` may be None or
        missing.

    Returns
    -------
    dict
        The event with ``status`` (``classified`` or ``for_review``), ``label``, ``probability`` and ``threshold``.
        Where the model decided, these are those of its decision: the positive class, or the likeliest of the others.

    Raises
    ------
    InvalidEvent, InvalidSetting
    LowConfidence
        Below the threshold, or not decided by the model, where LOW_CONFIDENCE is ``raise``.
    """
    threshold = settings.number("CONFIDENCE_THRESHOLD", "0.93", SMALLEST, 1)
    low = settings.text("LOW_CONFIDENCE", "review", ("review", "raise"))
    decided = event.get("decision") if isinstance(event, dict) else None
    if decided is None:
        label, probability = _best(event)
        accepted = probability >= threshold
    else:
        label, probability, threshold, accepted = _decided(event)
    measure("LowConfidence", int(not accepted))
    if not accepted and low == "raise":
        problem = "the model abstains" if decided else f"{label} stays below the threshold {threshold:g}"
        raise LowConfidence("probability", probability, problem, "Have a person look at it")
    status = "classified" if accepted else "for_review"
    return {**event, "status": status, "label": label, "probability": probability, "threshold": threshold}


def _best(event: Any) -> tuple[str, float]:
    """Return the label and the probability of the best prediction; of equals the first, as classify_image sorted."""
    predictions = field(event, "predictions", list, ANSWER)
    if not predictions:
        raise InvalidEvent("predictions", predictions, "is empty", ANSWER)
    probability, _, label = max(
        (
            field(one, "probability", (int, float), ANSWER, f"predictions[{number}]"),
            -number,
            field(one, "label", str, ANSWER, f"predictions[{number}]"),
        )
        for number, one in enumerate(predictions)
    )
    return label, _share("predictions", probability)


def _decided(event: Any) -> tuple[str, float, float, bool]:
    """Return label, probability, threshold and whether to accept, as the model decided."""
    decision = field(event, "decision", dict, ANSWER)
    verdict = field(decision, "verdict", str, ANSWER, "decision")
    if verdict not in VERDICTS:
        raise InvalidEvent("decision.verdict", verdict, f"is not one of {', '.join(VERDICTS)}", ANSWER)
    probability, threshold = (
        _share("decision", field(decision, name, (int, float), ANSWER, "decision"), name)
        for name in ("probability", "threshold")
    )
    return _label(event, verdict, decision.get("positive")), probability, threshold, verdict != "abstain"


def _label(event: Any, verdict: str, positive: Any) -> str:
    """Return the class that a verdict means; one about a class that nobody names goes by its own name."""
    if not isinstance(positive, str) or not positive:
        return verdict
    if verdict == "positive":
        return positive
    others = [one for one in field(event, "predictions", list, ANSWER) if isinstance(one, dict)]
    if verdict == "negative":
        others = [one for one in others if one.get("label") != positive]
    return _best({"predictions": others})[0] if others else verdict


def _share(path: str, value: float, name: str = "probability") -> float:
    if not 0 <= value <= 1:
        raise InvalidEvent(f"{path}.{name}", value, "is not from 0 to 1", ANSWER)
    return value
