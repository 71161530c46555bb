"""What an answer of AWS says: good, or wrong and why."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from loadtest.crew import Fault

MESSAGE_LENGTH = 200
THROTTLES = frozenset(
    {
        "KmsThrottlingException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)


class Answer(NamedTuple):
    """Status 0 and an error where there was no answer. `headers` has a `get` that ignores case."""

    status: int
    body: bytes
    headers: Any
    error: Exception | None


def fault_of(answer: Answer) -> Fault | None:
    """Return the cause and the message of what is wrong with an answer; None for a good one."""
    if answer.status == 200:
        # A function that raised answers 200 and says so in a header.
        if answer.headers.get("X-Amz-Function-Error"):
            return "function error", _text(answer.body)
        return None if answer.body else ("empty answer", "HTTP 200 with an empty body")
    if answer.status == 0:
        return _silence(answer.error)
    cause = "throttled" if is_throttle(answer) else f"HTTP {answer.status}"
    return cause, f"HTTP {answer.status}: {_text(answer.body)}"


def is_throttle(answer: Answer) -> bool:
    """Return whether AWS refused the request because there were too many."""
    return answer.status == 429 or (answer.status >= 400 and error_code(answer) in THROTTLES)


def error_code(answer: Answer) -> str:
    """Return the code of an AWS error, from its header or its body; empty when it has none."""
    code = answer.headers.get("x-amzn-ErrorType") or ""
    if not code:
        try:
            document = json.loads(answer.body)
            code = document.get("__type") or document.get("code") or document.get("Code") or ""
        except (ValueError, AttributeError):
            return ""
    return str(code).split(":")[0].rsplit("#", 1)[-1]


def _silence(error: Exception | None) -> Fault:
    name = type(error).__name__
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "timeout", f"no answer in time: {name}"
    return "no answer", f"no answer: {name}: {str(error)[:MESSAGE_LENGTH]}"


def _text(body: bytes) -> str:
    return body[:MESSAGE_LENGTH].decode("utf-8", "replace")
