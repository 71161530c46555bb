"""What a person reads when a settings file is wrong: the key, the value, what was expected and the remedy."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

MISSING = object()


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a document.

    Attributes
    ----------
    key : str
        Dotted path of the setting, empty for the whole document.
    expected : str
        What would have been right, as the end of the sentence "got X, expected ...".
    remedy : str
        What to do about it.
    value : object
        What was found; `MISSING` where nothing was.
    """

    key: str
    expected: str
    remedy: str
    value: object = MISSING

    def __str__(self) -> str:
        found = "is missing" if self.value is MISSING else f"got {shown(self.value)}"
        where = f"{self.key}: " if self.key else ""
        return f"{where}{found}, expected {self.expected}; remedy: {self.remedy}"


class SettingsError(Exception):
    """A settings, workload or function file that cannot be used.

    Parameters
    ----------
    source : str
        The file as a person would name it.
    problems : iterable of Problem
        Everything found wrong, so that one run shows all of it.
    """

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))

    @classmethod
    def joined(cls, errors: Iterable[SettingsError]) -> SettingsError:
        """Make one error of the faults of several files."""
        errors = tuple(errors)
        joined = cls("", [problem for error in errors for problem in error.problems])
        joined.args = ("\n".join(str(error) for error in errors),)
        return joined


class RefusedValueError(ValueError):
    """Raised inside a pydantic validator: carries the remedy that pydantic's own errors lack."""

    def __init__(self, expected: str, remedy: str) -> None:
        self.expected = expected
        self.remedy = remedy
        super().__init__(f"expected {expected}; remedy: {remedy}")


def shown(value: object) -> str:
    """Render a value for an error message, shortened to one line of at most 80 characters."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def closest(word: str, known: Iterable[str]) -> str | None:
    """Find the known word that a person probably meant, or None."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def unknown_name_remedy(word: str, known: Iterable[str]) -> str:
    """Say what to write instead of a name that is not known."""
    names = sorted(known)
    guess = closest(word, names)
    listed = ", ".join(names) if names else "none"
    return f"did you mean '{guess}'? (known: {listed})" if guess else f"remove it, or use one of: {listed}"


# Pydantic's error types on the left; what a person calls the thing on the right.
_TYPES = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping of keys to values",
    "float_type": "a number",
    "float_parsing": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping of keys to values",
    "string_type": "text",
    "tuple_type": "a list",
}


def problem_from(error: ErrorDetails, known_keys: Sequence[str]) -> Problem:
    """Turn one pydantic error into a `Problem`.

    Parameters
    ----------
    error : ErrorDetails
        An entry of `ValidationError.errors()`.
    known_keys : sequence of str
        The keys that are allowed where the error is, for the "did you mean".
    """
    key = dotted(error["loc"])
    value = error.get("input", MISSING)
    kind = error["type"]
    if kind == "extra_forbidden":
        last = str(error["loc"][-1])
        return Problem(key, "a known key", unknown_name_remedy(last, known_keys), value)
    if kind == "missing":
        return Problem(key, "it to be set", f"add '{error['loc'][-1]}'")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, RefusedValueError):
        return Problem(key, cause.expected, cause.remedy, value)
    if kind in _TYPES:
        return Problem(key, _TYPES[kind], _type_remedy(kind, value), value)
    return Problem(key, _constraint(error), "change the value", value)


def dotted(path: Sequence[Any]) -> str:
    """Write a path as `a.b[0].c`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _type_remedy(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        return f'put quotes around it: "{value}"'
    if kind in {"int_type", "float_type", "bool_type"} and isinstance(value, str):
        return "remove the quotes, or write " + _TYPES[kind]
    return f"write {_TYPES[kind]}"


def _constraint(error: ErrorDetails) -> str:
    message = error["msg"]
    for start in ("Input should be ", "Value should ", "String should "):
        if message.startswith(start):
            return message.removeprefix(start)
    return message[0].lower() + message[1:]
