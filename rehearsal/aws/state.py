"""Save everything that the embedded AWS holds to one file, and bring it back."""

from __future__ import annotations


class StateFileError(RuntimeError):
    """A state file cannot be read or written; the message names the file and the remedy."""
