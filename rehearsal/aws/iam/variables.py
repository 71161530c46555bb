"""Policy variables: ``${aws:PrincipalTag/team}``, with a default ``${key, 'text'}``, and ``${*}``, ``${?}``, ``${$}``.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.aws.iam.keys import require_known
from rehearsal.aws.iam.patterns import literal

if TYPE_CHECKING:
    from rehearsal.aws.iam.request import Request

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_INSIDE = re.compile(r"\s*(?P<key>[A-Za-z0-9.-]+:[^,'\s]+)\s*(?:,\s*'(?P<default>[^']*)'\s*)?")
_SPECIAL = {"*", "?", "$"}


def check(text: str) -> None:
    """Refuse a variable that cannot be read or whose key nobody fills.

    Raises
    ------
    PolicyEvaluationError
        Naming the text.
    """
    if "${" in _VARIABLE.sub("", text):
        raise PolicyEvaluationError(f"policy variable in {text!r} is not closed: write ${{key}} or ${{$}}{{")
    for inside in _VARIABLE.findall(text):
        if inside not in _SPECIAL:
            require_known(_parts(inside, text)[0])


def substitute(text: str, request: Request) -> str | None:
    """Return ``text`` with the request's values, which match only themselves; None when one has no value.

    Raises
    ------
    PolicyEvaluationError
        When a key has several values: AWS allows only single-valued keys as variables.
    """
    if "${" not in text:
        return text
    pieces: list[str] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        value = _value(found.group(1), text, request)
        if value is None:
            return None
        pieces += [text[end : found.start()], value]
        end = found.end()
    return "".join([*pieces, text[end:]])


def _value(inside: str, text: str, request: Request) -> str | None:
    if inside in _SPECIAL:
        return literal(inside)
    key, default = _parts(inside, text)
    values = request.values(key)
    if not values:
        return None if default is None else literal(default)
    if len(values) > 1:
        raise PolicyEvaluationError(
            f"variable {key} in {text!r} has {len(values)} values; a variable needs exactly one"
        )
    return literal(values[0])


def _parts(inside: str, text: str) -> tuple[str, str | None]:
    found = _INSIDE.fullmatch(inside)
    if found is None:
        raise PolicyEvaluationError(f"policy variable ${{{inside}}} in {text!r} is neither a key nor key, 'default'")
    return found["key"], found["default"]
