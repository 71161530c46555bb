"""What comes back from AWS: an answer, an error in one of its two forms, or nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from xml.etree import ElementTree

# Errors that pass, besides every 5xx and 429.
_PASSING = {
    "KMS.ThrottlingException",
    "InternalDependencyException",
    "InternalFailure",
    "InternalServerException",
    "InternalStreamFailure",
    "ModelNotReadyException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


class Answer(NamedTuple):
    """A whole answer; the names of ``headers`` are compared without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class CallError(Exception):
    """A call that did not succeed; ``passing`` when the same call may succeed later."""

    passing = True
    after_s = 0.0


class NoAnswerError(CallError):
    """No answer, or not all of it; ``kind`` names what happened, ``silent`` tells that time was waited out."""

    def __init__(self, kind: str, *, silent: bool = False) -> None:
        self.kind = kind
        self.silent = silent
        super().__init__(kind)


class AwsError(CallError):
    """AWS, or the model behind it, answered with an error.

    Attributes
    ----------
    code, message
        AWS's name of the error, else the status; and what it says about it.
    status
        Of the answer; for ModelError that of the model's.
    after_s
        Seconds that the answer asks to wait (Retry-After), else 0.
    fields
        Everything that the error says.
    """

    def __init__(self, answer: Answer) -> None:
        self.fields = fields = _fields(answer.body)
        code = answer.headers.get("x-amzn-errortype") or fields.get("__type") or fields.get("code")
        self.code = str(code or fields.get("Code") or answer.status).partition(":")[0].rpartition("#")[2]
        self.message = str(fields.get("message") or fields.get("Message") or "")
        self.status = answer.status
        if self.code == "ModelError":
            self.message = str(fields.get("OriginalMessage") or self.message)
            self.status = _whole(fields.get("OriginalStatusCode"), 500)
        # 0: SageMaker got no answer from the model (https://github.com/aws/amazon-sagemaker-examples/issues/2815).
        self.passing = self.status >= 500 or self.status in (0, 429) or self.code in _PASSING
        self.after_s = retry_after(answer.headers.get("retry-after"))
        super().__init__(f"{self.code} ({self.status})")


def retry_after(value: str | None) -> float:
    """Return the seconds of a Retry-After header, given as seconds or as a date (RFC 9110, 10.2.3); else 0."""
    if not value:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0


def xml(body: bytes) -> ElementTree.Element | None:
    """Return S3's document with the namespaces stripped off its names; None when it is no XML."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 (S3's own answer, over verified TLS)
    except ElementTree.ParseError:
        return None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _fields(body: bytes) -> dict[str, Any]:
    """Return the fields of an error: S3's is XML, everybody else's is JSON; neither leaves none."""
    if body.lstrip()[:1] == b"<":
        root = xml(body)
        return {} if root is None or root.tag != "Error" else {child.tag: child.text for child in root}
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _whole(value: Any, otherwise: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return otherwise
