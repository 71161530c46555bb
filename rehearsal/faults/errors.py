"""What ends a drill."""

from __future__ import annotations


class DrillError(RuntimeError):
    """A drill cannot be carried out, or what it demands did not come true; the message says which fact is missing."""
