"""Time as moto keeps it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time as moto's records hold it: naive, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
