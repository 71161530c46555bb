"""Wildcards of policies: ``*`` is any text and ``?`` any one character; in an ARN they respect its segments.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from __future__ import annotations

import re
from functools import lru_cache

LITERAL = {"*": "\ue000", "?": "\ue001"}
"""Stand-ins for a ``*`` or ``?`` that came from a variable and means only itself (private-use characters)."""

_ARN_PARTS = 6


def literal(text: str) -> str:
    """Return ``text`` so that its wildcards match only themselves."""
    return text.replace("*", LITERAL["*"]).replace("?", LITERAL["?"])


def plain(text: str) -> str:
    """Return ``text`` with its literal wildcards readable again."""
    return text.replace(LITERAL["*"], "*").replace(LITERAL["?"], "?")


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Whether ``value`` as a whole fits the pattern."""
    return _compiled(pattern, ignore_case).fullmatch(value) is not None


def resource_matches(pattern: str, arn: str) -> bool:
    """Whether a ``Resource`` element's pattern covers an ARN (case counts).

    A ``*`` inside one of the first five segments stays within its segment; at the segment's end it may also match
    beyond the colon, as does any ``*`` in the last part, whose own colons separate nothing.
    """
    return _compiled_resource(pattern).fullmatch(arn) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """Whether an ARN condition operator's pattern covers an ARN: all six parts are compared each for itself.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    if not is_arn(arn):
        return False
    if pattern == "*":
        return True
    wanted, had = pattern.split(":", _ARN_PARTS - 1), arn.split(":", _ARN_PARTS - 1)
    return len(wanted) == len(had) and all(matches(w, h) for w, h in zip(wanted, had, strict=True))


def is_arn(text: str) -> bool:
    """Whether ``text`` has the six parts of an ARN."""
    return text.startswith("arn:") and text.count(":") >= _ARN_PARTS - 1


@lru_cache(maxsize=8192)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    return re.compile(_translate(pattern, ".*"), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


@lru_cache(maxsize=8192)
def _compiled_resource(pattern: str) -> re.Pattern[str]:
    parts = pattern.split(":", _ARN_PARTS - 1)
    *head, last = parts
    text = ""
    for part in head:
        inner, end = (part[:-1], ".*") if part.endswith("*") else (part, "")
        text += _translate(inner, "[^:]*", one="[^:]") + end + ":"
    return re.compile(text + _translate(last, ".*"), re.DOTALL)


def _translate(pattern: str, many: str, one: str = ".") -> str:
    wild = {"*": many, "?": one, LITERAL["*"]: r"\*", LITERAL["?"]: r"\?"}
    return "".join(wild.get(character) or re.escape(character) for character in pattern)
