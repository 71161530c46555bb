"""Environment variables, read and checked; a wrong one is named."""

from __future__ import annotations

import math
import os

from .errors import InvalidSetting

_REMEDY = "Set it in the function's environment (see its function.yaml)"


def text(name: str, default: str | None = None, choices: tuple[str, ...] = ()) -> str:
    """Return the variable, or ``default``; raise InvalidSetting when neither is there or it is not a choice."""
    value = os.environ.get(name, "").strip() or default
    if not value:
        raise InvalidSetting(name, "", "is not set", _REMEDY)
    if choices and value not in choices:
        raise InvalidSetting(name, value, f"is not one of {', '.join(choices)}", _REMEDY)
    return value


def number(name: str, default: str, minimum: float, maximum: float) -> float:
    """Return the variable as a finite number within ``minimum`` and ``maximum``, both allowed."""
    raw = text(name, default)
    try:
        value = float(raw)
    except ValueError:
        value = math.nan
    if not minimum <= value <= maximum:  # also false for NaN
        raise InvalidSetting(name, raw, f"is not a number from {minimum:g} to {maximum:g}", _REMEDY)
    return value


def integer(name: str, default: str, minimum: int, maximum: int) -> int:
    """Return the variable as a whole number within ``minimum`` and ``maximum``, both allowed."""
    value = number(name, default, minimum, maximum)
    if not value.is_integer():
        raise InvalidSetting(name, text(name, default), "is not a whole number", _REMEDY)
    return int(value)


def optional_names(name: str, default: str = "") -> frozenset[str]:
    """Return a comma-separated list as a set, which may be empty."""
    return frozenset(part.strip() for part in os.environ.get(name, default).split(",") if part.strip())


def names(name: str) -> frozenset[str]:
    """Return a comma-separated list as a set; an empty one is refused."""
    text(name)
    found = optional_names(name)
    if not found:
        raise InvalidSetting(name, "", "names nothing", _REMEDY)
    return found
