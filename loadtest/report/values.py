"""Careful reading of recorded values: a report must come out even when a record is odd, half written or missing."""

from __future__ import annotations

import math
from typing import Any


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def text(value: Any, limit: int = 2000) -> str:
    """Return something printable, shortened; the empty string for nothing."""
    if value is None:
        return ""
    shown = value if isinstance(value, str) else str(value)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def mapping(value: Any) -> dict[str, Any]:
    """Return a mapping, empty for anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """Return the mappings of a list, without whatever else stands in it."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def duration(seconds: float | None) -> str:
    """Return seconds as a person says them, in one unbreakable piece: 0.4 s, 74 s, 3 min 12 s."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f}\N{NO-BREAK SPACE}s"
    if seconds < 100:
        return f"{seconds:.0f}\N{NO-BREAK SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s".replace(" ", "\N{NO-BREAK SPACE}")


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share of one in percent; 100 % only for a whole."""
    if share is None:
        return "–"
    shown = f"{share * 100:.{digits}f}"
    if share < 1 and float(shown) >= 100:
        shown = f"{100 - 10**-digits:.{digits}f}"
    return f"{shown} %"


def milliseconds(value: float | None) -> str:
    """Return milliseconds with as many digits as mean something."""
    if value is None:
        return "–"
    return f"{value:.1f} ms" if value < 20 else f"{value:,.0f} ms"


def short_time(value: float) -> str:
    """Return milliseconds for an axis, in seconds from a thousand on."""
    return f"{value / 1000:,.3g} s" if value >= 1000 else f"{value:,.3g} ms"


def count(amount: float | None) -> str:
    """Return a whole number with thousands separated."""
    return "–" if amount is None else f"{amount:,.0f}"
