"""The errors of a load test: each names the field, the value and the remedy."""

from __future__ import annotations


class LoadUsageError(ValueError):
    """A setting cannot be used as given; nothing has been sent yet."""

    def __init__(self, field: str, value: object, remedy: str) -> None:
        super().__init__(f"{field} = {value!r}: {remedy}")
        self.field = field
        self.value = value
        self.remedy = remedy


class LoadGeneratorError(RuntimeError):
    """The generator itself broke, so nothing can be said about the target."""
