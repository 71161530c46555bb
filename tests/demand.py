"""Tests that need what a machine may lack: they are skipped there, and fail where it is demanded."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(reason: str, demanded_by: str) -> NoReturn:
    """Skip the test, or fail it where the environment variable says that what it needs must be there."""
    if os.environ.get(demanded_by) == "1":
        pytest.fail(f"{reason}, although {demanded_by}=1 demands it")
    pytest.skip(reason)
