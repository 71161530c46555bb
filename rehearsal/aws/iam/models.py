"""botocore's service models, each loaded once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=64)
def service_model(service: str) -> Any:
    """Return the model that moto's parsers understand, by botocore's name of the service."""
    from moto.core.utils import get_service_model

    return get_service_model(service)
