"""What the server answers when it cannot answer."""

from __future__ import annotations


class RequestError(Exception):
    """A request that gets an error answer.

    Attributes
    ----------
    status
        HTTP status.
    field, value, remedy
        What was wrong, what it held (never the payload itself), what to do.
    """

    def __init__(self, status: int, field: str, value: object, remedy: str) -> None:
        super().__init__(f"{field} = {value!r}: {remedy}")
        self.status = status
        self.field = field
        self.value = value
        self.remedy = remedy


class ModelError(Exception):
    """The model's files cannot be served; the message says why and what to do."""
