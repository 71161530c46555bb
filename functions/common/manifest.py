"""The results manifest: one JSON line per input, and the proof that there is exactly one."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .errors import FunctionError, InvalidEvent, ResultsIncomplete, shorten
from .events import image_reference

STATUSES = ("classified", "for_review", "failed")
SHOWN_INPUTS = 20
RESULT = "Let the workflow make it"


def line(index: int | None, given: Any, result: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest line of one input.

    Parameters
    ----------
    index
        The input's place in the list, or in the listing; None where it is not known.
    given
        The input as it was given; it may be malformed, which is then what the result says.
    result
        What the item's steps made of it: ``{"status", "image"?, "label"?, "probability"?, ...}``.
    """
    status = result.get("status")
    if status not in STATUSES:
        raise InvalidEvent("results.status", status, f"is not one of {', '.join(STATUSES)}", RESULT)
    seen = result.get("image")
    try:
        place: dict[str, Any] = {**image_reference(given)}
    except FunctionError:
        place = {"bucket": None, "key": None, "version": None}
    if isinstance(seen, dict) and place["key"] is not None:
        if (seen.get("bucket"), seen.get("key")) != (place["bucket"], place["key"]):
            raise InvalidEvent("results.image", seen, f"is not the image of input {index}", RESULT)
        place["version"] = seen.get("version") or place["version"]
    return {
        "index": index,
        **place,
        "status": status,
        "label": result.get("label"),
        "probability": result.get("probability"),
        "threshold": result.get("threshold"),
        "predictions": result.get("predictions", []),
        "decision": result.get("decision"),
        "model": result.get("model"),
        "error": result.get("error"),
        "reason": _reason(result),
    }


def _rounded(probability: Any) -> Any:
    """Three digits for people; the manifest's own field has all of them."""
    return f"{probability:.3g}" if isinstance(probability, float) else probability


def _reason(result: dict[str, Any]) -> str | None:
    if result["status"] == "for_review":
        if result.get("decision"):
            return f"the model abstains: {_rounded(result.get('probability'))} is within its band"
        # The threshold is not known here when LowConfidence was raised instead of answered.
        said = f"probability {_rounded(result.get('probability'))} is below the threshold"
        return f"{said} {result['threshold']}" if result.get("threshold") else said
    reason = result.get("reason")
    return shorten(reason, 500) if reason else None


class Ledger:
    """Counts lines by status and remembers which inputs have one: 16 bytes each, so that a million fit."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter(dict.fromkeys((*STATUSES, "skipped"), 0))
        self._seen: set[bytes] = set()
        self._doubled: list[str] = []
        self._lost: list[str] = []

    def enter(self, identity: str, status: str) -> None:
        """Book one result for an input; ``identity`` is its index or its address."""
        digest = _digest(identity)
        if digest in self._seen:
            self._doubled.append(identity)
        self._seen.add(digest)
        self._counts[status] += 1

    @property
    def counts(self) -> dict[str, int]:
        """Inputs by status, their ``total``, and what was ``skipped`` for not being an input."""
        return {**self._counts, "total": self._counts.total() - self._counts["skipped"]}

    def expect(self, identity: str) -> None:
        """Book that this input was given; it must have been entered before."""
        if _digest(identity) not in self._seen:
            self._lost.append(identity)

    def prove(self) -> None:
        """Raise ResultsIncomplete when an expected input has no result, or any has two."""
        if not self._lost and not self._doubled:
            return
        shown = "; ".join(
            f"{len(inputs)} {kind}: {', '.join(map(shorten, inputs[:SHOWN_INPUTS]))}"
            for kind, inputs in (("lost", self._lost), ("doubled", self._doubled))
            if inputs
        )
        raise ResultsIncomplete("results", shown, "every input must have exactly one result", "Start a new execution")


def encode(record: dict[str, Any]) -> bytes:
    """Return a line as it stands in manifest.jsonl."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def by_index(results: list[Any], length: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(index, result)`` of an inline list in the order of the input; an index outside it is refused."""
    for position, result in enumerate(results):
        index = result.get("index") if isinstance(result, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < length:
            raise InvalidEvent(f"results[{position}].index", index, f"is not an index from 0 to {length - 1}", RESULT)
    yield from sorted(((result["index"], result) for result in results), key=lambda pair: pair[0])


def _digest(identity: str) -> bytes:
    return hashlib.blake2b(identity.encode(errors="surrogatepass"), digest_size=16).digest()
