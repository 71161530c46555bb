"""How an assessment stands in the table: one item each below its claim, found again by what was judged by whom.

docs/claims.md describes the layout for readers.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from .errors import InvalidEvent
from .events import field

PARTITION_KEY, SORT_KEY = "claim", "entry"
ASSESSMENT = "assessment#"
# Part of an S3 key, of a partition key and of what people type: nothing that any of them would take for something else.
_CLAIM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ID_FORM = "An id has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit"
ASSESS = "Pass on the answer of assess_claim"


def claim_id(value: Any, where: str) -> str:
    """Return a claim's id; raises InvalidEvent naming ``where`` for anything that cannot be one."""
    if not isinstance(value, str) or not _CLAIM.fullmatch(value):
        raise InvalidEvent(where, value, "is not a claim's id", ID_FORM)
    return value


def entry(assessment: dict[str, Any]) -> str:
    """Return the sort key of an assessment: the same photos, models and thresholds have the same.

    An object's version is what it holds, wherever the bucket keeps versions; its ETag is, elsewhere. Times are left
    out, and so is the order of the photos: the same claim judged again is the same assessment.
    """
    judged = sorted(
        [photo["bucket"], photo["key"], photo["version"] or photo["etag"], *map(_model, _models(photo))]
        for photo in assessment["photos"]
    )
    known = json.dumps([judged, assessment["thresholds"], assessment["labels"]], sort_keys=True)
    return ASSESSMENT + hashlib.sha256(known.encode()).hexdigest()[:32]


def item(assessment: Any, execution: str, now: str) -> dict[str, Any]:
    """Return the item of an assessment; ``now`` is when it is written, ISO 8601.

    Raises
    ------
    InvalidEvent
        ``assessment`` is not what assess_claim answers.
    """
    claim = claim_id(field(assessment, "claim", str, ASSESS, "assessment"), "assessment.claim")
    for name, kind in (("verdict", str), ("reason", str), ("assessed_at", str), ("thresholds", dict), ("labels", dict)):
        field(assessment, name, kind, ASSESS, "assessment")
    photos = field(assessment, "photos", list, ASSESS, "assessment")
    if not photos:
        raise InvalidEvent("assessment.photos", photos, "is empty", ASSESS)
    for number, photo in enumerate(photos):
        for name in ("bucket", "key", "etag"):
            field(photo, name, str, ASSESS, f"assessment.photos[{number}]")
        field(photo, "version", (str, type(None)), ASSESS, f"assessment.photos[{number}]")
        field(photo, "detector", dict, ASSESS, f"assessment.photos[{number}]")
    return {
        **assessment,
        PARTITION_KEY: claim,
        SORT_KEY: entry(assessment),
        "recorded_at": now,
        "execution": execution,
    }


def _models(photo: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    return photo["detector"], photo.get("classifier")


def _model(model: dict[str, Any] | None) -> str:
    """Return which model answered; "" for one that was not asked."""
    return f"{model.get('endpoint')} {model.get('version')}" if model else ""
