"""What the gate has read from the backends, kept until a call may have changed it.

Every request asks for the same few roles, ways and policies, and reading them from the backends costs more than the
decision itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

_MOST = 4096  # answers of one function; a rehearsal needs a few hundred
_READS = ("Get", "List", "Describe", "Head", "Search", "Filter", "Query", "BatchGet")
_HOT = {
    "AssumeRole", "AssumeRoleWithWebIdentity", "Decrypt", "DeleteItem", "DeleteMessage", "DeleteMessageBatch",
    "Encrypt", "GenerateDataKey", "Invoke", "InvokeEndpoint", "Publish", "PublishBatch", "PutEvents", "PutItem",
    "PutLogEvents", "PutMetricData", "ReceiveMessage", "Scan", "SendMessage", "SendMessageBatch", "StartExecution",
    "UpdateItem",
}  # fmt: skip
"""Operations that change data and never who may do what."""
_OBJECTS = ("Object", "Objects", "Part", "MultipartUpload", "PartCopy")
"""Ends of the names of S3's operations on objects, whose encryption is read anew each time."""

_lock = threading.Lock()
_generation = [0]


def forget_after(service: str, operation: str) -> None:
    """Drop everything after a call that may have changed a policy, a role, a tag or a network."""
    reads = operation.startswith(_READS) or operation in _HOT
    if not reads and not (service == "s3" and operation.endswith(_OBJECTS)):
        forget()


def forget() -> None:
    """Drop everything."""
    with _lock:
        _generation[0] += 1


def generation() -> int:
    """Return a number that is another one after every :func:`forget`."""
    return _generation[0]


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Keep the answers of a function of hashable, positional arguments until :func:`forget`.

    The generation is read before the function runs: an answer that a change overtook is never given again.
    """
    kept: dict[Hashable, tuple[int, R]] = {}

    @wraps(function)
    def ask(*args: P.args, **kwargs: P.kwargs) -> R:
        now = _generation[0]
        found = kept.get(args)
        if found is not None and found[0] == now:
            return found[1]
        answer = function(*args, **kwargs)
        if len(kept) >= _MOST:
            kept.clear()
        kept[cast("Hashable", args)] = (now, answer)
        return answer

    return ask
