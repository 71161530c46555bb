"""URIs of AWS's own images by region, out of the committed lock that `make images` renews."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from training.errors import JobError

LOCK = Path(__file__).with_name("images.lock.json")


def uri(region: str, name: str) -> str:
    """URI of an image such as `xgboost:1.7-1` in a region.

    Raises
    ------
    JobError
        The lock has no such region or image.
    """
    regions = _locked()["images"]
    if region not in regions:
        remedy = (
            f"is not in images.lock.json, which has {', '.join(regions)}; add it to image_lock.py, and `make images`"
        )
        raise JobError("region", region, remedy)
    if name not in regions[region]:
        raise JobError("image", name, f"is none of those in {region}: {', '.join(regions[region])}")
    return str(regions[region][name])


@lru_cache(maxsize=1)
def _locked() -> dict[str, Any]:
    locked: dict[str, Any] = json.loads(LOCK.read_text(encoding="utf-8"))
    return locked
