"""What monitoring says when it cannot go on."""

from __future__ import annotations

from training.errors import InputError


class MonitoringError(InputError):
    """An option, a baseline or a place of captured data is wrong."""


class DamageError(ValueError):
    """One line of a file cannot be used; the rest can. The message says why."""
