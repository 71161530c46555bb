"""The verdict on an image: positive, negative, or none, by the rule that came with the model.

`model.json` holds it as `"decision": {"positive": "pneumonia", "threshold": 0.31, "abstain": [0.12, 0.58]}`: negative
below the band, positive from its upper end on, no verdict inside it. Without a band the threshold decides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

# No label can hold these bytes: inside a JSON string a quote has a backslash before it.
_MARK = b', "decision": '


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule.

    Attributes
    ----------
    positive
        Number of the class whose probability decides.
    low, high
        Ends of the band; both are the threshold where there is none.
    name
        Of that class: in doubt the likeliest class is another one, so that the answer says what is decided about.
    """

    positive: int
    threshold: float
    low: float
    high: float
    name: str = ""

    def said(self, probability: float) -> bytes:
        """What follows the predictions in an answer."""
        verdict = b"positive" if probability >= self.high else b"negative" if probability < self.low else b"abstain"
        found = (verdict, json.dumps(self.name).encode(), repr(probability).encode(), repr(self.threshold).encode())
        return _MARK + b'{"verdict": "%s", "positive": %s, "probability": %s, "threshold": %s}' % found


def load(description: dict[str, Any]) -> Decision | None:
    """The rule of a `model.json`; None where it has none.

    Raises
    ------
    ValueError, KeyError, TypeError
        It is no rule for this model.
    """
    if (found := description.get("decision")) is None:
        return None
    threshold = float(found["threshold"])
    low, high = (float(end) for end in found.get("abstain") or (threshold, threshold))
    if not 0 <= low <= threshold <= high <= 1:
        raise ValueError(f"decision: 0 <= {low} <= {threshold} <= {high} <= 1 must hold")
    index = list(description["classes"]).index(found["positive"])
    return Decision(index, threshold, low, high, found["positive"])


def together(answers: Sequence[bytes]) -> bytes:
    """The answers to several images as one: lists of predictions, and of decisions where there are any."""
    parts = [answer.partition(_MARK) for answer in answers]
    predictions = b"[%s]" % b", ".join(part[0] for part in parts)
    if not any(part[1] for part in parts):
        return predictions
    return predictions + b', "decisions": [%s]' % b", ".join(part[2] or b"null" for part in parts)
