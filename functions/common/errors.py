"""Errors by which Step Functions decides what to retry, catch and report.

The runtime reports a raised exception under its class name, and that name is what the workflow's ``Retry`` and
``Catch`` compare. So the names are an interface (hence no ``Error`` suffix), and they are short.
"""
# ruff: noqa: N818

from __future__ import annotations

from typing import Any

SHOWN_CHARACTERS = 160  # a reason travels through Step Functions' 256 KiB of state, once per image


def shorten(value: Any, limit: int = SHOWN_CHARACTERS) -> str:
    """Show ``value`` in at most ``limit`` characters, the middle left out."""
    text = value if isinstance(value, str) else repr(value)
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


class FunctionError(Exception):
    """An error with a message that names the field, its value and the remedy.

    Parameters
    ----------
    field
        What is wrong: a field of the event, a property of the image or an environment variable.
    value
        What came; shortened in the message.
    problem
        Why that is wrong.
    remedy
        What the reader can do about it.
    """

    shown_characters = SHOWN_CHARACTERS

    def __init__(self, field: str, value: Any, problem: str, remedy: str) -> None:
        self.field = field
        self.value = value
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{field} {shorten(value, self.shown_characters)!r}: {problem}. {remedy}.")


class InvalidEvent(FunctionError):
    """The event lacks a field or has a wrong one. The same event fails again."""


class InvalidSetting(FunctionError):
    """An environment variable of the function is missing or wrong."""


class BucketNotAllowed(FunctionError):
    """The image lies in a bucket that is not in ALLOWED_BUCKETS."""


class ImageNotFound(FunctionError):
    """No such object, or not in that version."""


class ImageUnreadable(FunctionError):
    """The object exists, but S3 or its key refuses this role, or it is archived."""


class ImageTooLarge(FunctionError):
    """More bytes or more pixels than allowed."""


class UnsupportedImage(FunctionError):
    """Neither PNG nor JPEG, or a kind of them that common decoders refuse."""


class TruncatedImage(FunctionError):
    """The object ends before the image does."""


class ImageChanged(FunctionError):
    """The bytes are not those the claim check describes (only possible in a bucket without versions)."""


class StorageUnavailable(FunctionError):
    """S3 or DynamoDB is throttling or failing. Safe to retry."""


class ModelUnavailable(FunctionError):
    """The endpoint is throttling, failing or not ready. Safe to retry: inference changes nothing."""


class ModelRefusedImage(FunctionError):
    """The model answered 4xx: the same image would be refused again."""


class ModelAnswerInvalid(FunctionError):
    """The model's answer is not the JSON the serving contract promises."""


class EndpointUnusable(FunctionError):
    """The endpoint does not exist, or this role may not invoke it."""


class RecordTooLarge(FunctionError):
    """The record of a claim would have more bytes than an item may have."""


class TableUnusable(FunctionError):
    """The table does not exist, or this role may not write to it."""


class UrlNotAllowed(FunctionError):
    """The URL's host is not on the list, or leads somewhere that is not the public internet."""


class UrlUnusable(FunctionError):
    """What the URL answers is no image."""


class UrlUnavailable(FunctionError):
    """The URL gives no answer, or not in time. Safe to retry."""


class OutOfTime(FunctionError):
    """Too little of the function's time is left for another attempt. Safe to retry."""


class LowConfidence(FunctionError):
    """The best class stays below the threshold, and the workload asks to raise then."""


class EmptyInput(FunctionError):
    """The run had nothing to classify."""


class ResultFileInvalid(FunctionError):
    """A result file of the Map Run is not what Step Functions writes."""


class ResultsIncomplete(FunctionError):
    """An input is missing from the results, or stands in them more than once; the value lists them."""

    shown_characters = 4000  # raised once per run, not once per image
