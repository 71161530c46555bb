"""Load with exact books: every request that is sent ends in one line that says when, how long and how.

Locust counts; a drill also asks which request failed how and when, so that a figure can be told before, during and
after a fault. The load is small and closed: some users, each with a pause between its requests.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

PATIENCE_S = 70.0  # SageMaker ends a call after 60
OK = "ok"
_SLOT_S = 0.5


@dataclass(frozen=True)
class Call:
    """One request as it goes over the wire, and what it is called in the books."""

    wire: bytes
    name: str = ""


@dataclass(frozen=True)
class Answered:
    """One line of the books.

    Attributes
    ----------
    at
        When it was sent, on the clock of ``time.monotonic``.
    ms
        Until the whole answer was there, or until it was sure that none comes.
    kind
        ``ok``, or the error's code with the status of the model behind it, or ``lost`` and why.
    """

    at: float
    ms: float
    kind: str
    name: str = ""
    headers: dict[str, str] = field(default_factory=dict, repr=False)


class Load:
    """Users that send until they are told to stop; a context manager that waits for the last answer.

    Parameters
    ----------
    calls
        What they send, in turn.
    pause_s
        Between the answer and the next request of one user.
    most
        They stop after this many requests by themselves.

    Attributes
    ----------
    sent
        How many requests have been begun.
    answered
        One line for each that has ended.
    """

    def __init__(
        self, endpoint: str, calls: Sequence[Call], *, users: int = 4, pause_s: float = 0.02, most: int | None = None
    ) -> None:
        place = urlsplit(endpoint)
        self._place = (place.hostname or "", place.port or 80)
        self._calls, self._users, self._pause, self._most = cycle(calls), users, pause_s, most
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)
        self.sent = 0
        self.answered: list[Answered] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait for every answer. Safe to call twice."""
        self._stop.set()
        self._thread.join(PATIENCE_S + 5.0)

    async def _run(self) -> None:
        await asyncio.gather(*(self._user() for _ in range(self._users)))

    async def _user(self) -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._stop.is_set() and (self._most is None or self.sent < self._most):
            call = next(self._calls)
            self.sent += 1
            at = time.monotonic()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    streams = streams or await asyncio.open_connection(*self._place)
                    kind, headers = await exchange(*streams, call.wire)
            except Exception as error:  # whatever it is, the request must not be missing in the books
                kind, headers = f"lost {type(error).__name__}", {}
            if streams is not None and (kind.startswith("lost") or headers.get("connection") == "close"):
                streams[1].close()
                streams = None
            self.answered.append(Answered(at, (time.monotonic() - at) * 1000, kind, call.name, headers))
            await asyncio.sleep(self._pause)
        if streams is not None:
            streams[1].close()


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: bytes
) -> tuple[str, dict[str, str]]:
    """Send one request and return how it ended, with the answer's headers."""
    writer.write(wire)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ", 2)[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return kind_of(status, headers, body), headers


def kind_of(status: int, headers: dict[str, str], body: bytes) -> str:
    """Say in one word how a request ended."""
    if "x-amz-function-error" in headers:
        return str(json.loads(body).get("errorType", "function error"))
    if status == 200:
        return OK
    code = headers.get("x-amzn-errortype", str(status))
    try:
        original = json.loads(body).get("OriginalStatusCode")
    except (ValueError, AttributeError):
        original = None
    return code if original is None else f"{code} {original}"


def invocation(endpoint: str, name: str, body: bytes, content_type: str, *, region: str) -> Call:
    """Return an InvokeEndpoint request."""
    return sign(endpoint, f"/endpoints/{name}/invocations", body, content_type, service="sagemaker", region=region)


def sign(endpoint: str, path: str, body: bytes, content_type: str, *, service: str, region: str) -> Call:
    """Return a request of the root user, signed once: the embedded AWS asks who signs, not when."""
    request = AWSRequest("POST", endpoint + path, {"Content-Type": content_type}, data=body)
    SigV4Auth(Credentials("test", "test"), service, region).add_auth(request)
    return plain(endpoint, path, body, dict(request.headers.items()))


def plain(endpoint: str, path: str, body: bytes, headers: dict[str, str], name: str = "") -> Call:
    """Return a request as bytes."""
    lines = {"Host": urlsplit(endpoint).netloc, "Content-Length": str(len(body)), **headers}
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in lines.items()) + "\r\n"
    return Call(head.encode("latin-1") + body, name)


def figures(answered: Sequence[Answered], seconds: float) -> dict[str, Any]:
    """Return what the gate of load tests judges: requests, failures, rps and latencies in milliseconds."""
    times = sorted(one.ms for one in answered)
    return {
        "requests": len(answered),
        "failures": sum(one.kind != OK for one in answered),
        "rps": len(answered) / seconds if seconds > 0 else 0.0,
        **{f"p{rank}_ms": percentile(times, rank / 100) for rank in (50, 95, 99)},
    }


def percentile(ordered: Sequence[float], rank: float) -> float | None:
    """Return the smallest value that at least ``rank`` of all do not exceed; None without any."""
    if not ordered:
        return None
    return ordered[max(0, -int(-len(ordered) * rank // 1) - 1)]


def kinds(answered: Iterable[Answered]) -> Counter[str]:
    """Count how requests ended."""
    return Counter(one.kind for one in answered)


def bad_for(answered: Sequence[Answered], begin: float, slow_ms: float) -> float:
    """Return for how long after ``begin`` answers were failures or slow, in seconds.

    Up to the last failure, and up to the end of the last half second whose answers' 95th percentile was above
    ``slow_ms``: a single late answer of a busy machine is no fault.
    """
    late = [(one.at + one.ms / 1000 - begin, one) for one in answered if one.at + one.ms / 1000 >= begin]
    slots: dict[int, list[float]] = {}
    for end, one in late:
        slots.setdefault(int(end / _SLOT_S), []).append(one.ms)
    slow = [(slot + 1) * _SLOT_S for slot, times in slots.items() if (percentile(sorted(times), 0.95) or 0) > slow_ms]
    return max([0.0, *slow, *(end for end, one in late if one.kind != OK)])
