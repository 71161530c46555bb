"""The shape every expected failure takes: what was wrong, what stood there, what to do."""

from __future__ import annotations


class InputError(ValueError):
    """Something a caller gave is wrong.

    Attributes
    ----------
    field, value, remedy
        Name of the setting, option or file; what it held; what to do about it.
    """

    def __init__(self, field: str, value: object, remedy: str) -> None:
        super().__init__(f"{field} = {value!r}: {remedy}")
        self.field = field
        self.value = value
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[InputError], tuple[str, object, str]]:
        """Let an error come back whole from another process."""
        return type(self), (self.field, self.value, self.remedy)


class SpecError(InputError):
    """A workload's description, or a value given for it, is wrong."""


class DataError(InputError):
    """Data cannot be fetched, read or written as asked."""


class TrainingError(InputError):
    """A training job cannot start, or its result is not fit to be used."""


class JobError(InputError):
    """A job cannot be asked for as wanted, or is not there."""
