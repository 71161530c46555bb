"""Errors of the API, and the error that ends a job or an endpoint with a reason."""

from __future__ import annotations

from moto.sagemaker.exceptions import (
    AWSValidationException,
    ConflictException,
    ResourceInUseException,
    ResourceNotFound,
)

__all__ = ["AWSValidationException", "ConflictException", "FailedError", "ResourceInUseException", "ResourceNotFound"]


class FailedError(RuntimeError):
    """A job or an endpoint cannot go on; the message becomes its ``FailureReason``."""
