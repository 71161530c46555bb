"""Calls to AWS with botocore's signer over urllib3's connections, without botocore's clients.

A client reads its service's model and endpoint rules at every cold start, to offer hundreds of operations; these
functions use five. What that gives up is in docs/adr/0012.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Mapping
from typing import IO, Any, NamedTuple

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import get_cert_path
from urllib3 import HTTPConnectionPool, PoolManager, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError

from .answers import Answer, AwsError, NoAnswerError
from .endpoints import DYNAMODB, S3, SAGEMAKER_RUNTIME, Service, region
from .errors import InvalidSetting
from .retry import Retries

_SIGNERS = {DYNAMODB: SigV4Auth, S3: S3SigV4Auth, SAGEMAKER_RUNTIME: SigV4Auth}
_AGENT = f"slipway-functions exec-env/{os.environ.get('AWS_EXECUTION_ENV', 'none')}"
_PIECE_BYTES = 65536
# Twice what an endpoint may answer, and more than any piece of S3 that is asked for.
_LARGEST_ANSWER = 50 * 2**20
# An upload slower than this is given up by the plan, not by a timeout: bytes per second.
_SLOWEST_UPLOAD = 4 * 2**20


class Request(NamedTuple):
    """One HTTP request; ``size`` is that of ``body``, in bytes."""

    service: Service
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | IO[bytes] = b""
    size: int = 0


class _Keys(NamedTuple):
    access_key: str
    secret_key: str
    token: str | None


class Connection:
    """The one pool of connections and the one retry policy of an execution environment.

    Parameters
    ----------
    connect_s, read_s
        Seconds to wait for a connection, and for the next byte of an answer.
    attempts
        Per call, the first one included.
    """

    def __init__(self, *, connect_s: float, read_s: float, attempts: int) -> None:
        # One second for what is neither: signing, TLS, reading a long answer.
        self.attempt_s = connect_s + read_s + 1.0
        self.retries = Retries(attempts)
        self._pool = PoolManager(
            timeout=Timeout(connect=connect_s, read=read_s),
            retries=False,
            ssl_context=_trust(),
            cert_reqs="CERT_REQUIRED",
        )
        self._hosts: dict[str, HTTPConnectionPool] = {}

    def call(self, context: Any, request: Request, *, after_silence: bool = True) -> Answer:
        """Send a request until it is answered, within the invocation's time.

        Parameters
        ----------
        context
            Lambda's; tells how much time is left.
        after_silence
            Whether to try again after a timeout.

        Raises
        ------
        AwsError
            The answer is an error.
        NoAnswerError
            There is no answer, or not all of it.
        OutOfTime, InvalidSetting
        """
        return self.retries.run(
            lambda: self._attempt(request),
            lambda: context.get_remaining_time_in_millis() / 1000,
            self.attempt_s + request.size / _SLOWEST_UPLOAD,
            after_silence=after_silence,
        )

    def _host(self, base: str) -> HTTPConnectionPool:
        """Return the pool of a host; urllib3 would take the URL apart for every request."""
        if base not in self._hosts:
            self._hosts[base] = self._pool.connection_from_url(base)
        return self._hosts[base]

    def _attempt(self, request: Request) -> Answer:
        scheme, _, host, target = request.url.split("/", 3)
        until = time.monotonic() + self.attempt_s + request.size / _SLOWEST_UPLOAD
        if not isinstance(request.body, bytes):
            request.body.seek(0)
        try:
            answered = self._host(f"{scheme}//{host}").urlopen(
                request.method,
                f"/{target}",  # as it was signed: a whole URL would lose the dots in a key
                body=request.body or None,
                headers=_signed(request),
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            body = _read(answered, until)
        except (HTTPError, OSError) as error:
            raise NoAnswerError(type(error).__name__, silent=isinstance(error, ReadTimeoutError)) from None
        promised = answered.headers.get("content-length")
        if promised is not None and promised != str(len(body)):
            raise NoAnswerError("IncompleteAnswer")
        answer = Answer(answered.status, answered.headers, body)
        if answer.status >= 300:
            raise AwsError(answer)
        return answer


def _trust() -> ssl.SSLContext:
    """Return what is believed of a server, read once, and while the environment starts: then CPU time is plentiful."""
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or get_cert_path(True))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _signed(request: Request) -> dict[str, str]:
    """Return the request's headers with its signature, and after it those that no signature covers."""
    signed = AWSRequest(request.method, request.url, request.headers, request.body)
    _SIGNERS[request.service](_keys(), request.service.signing_name, region()).add_auth(signed)
    headers = dict(signed.headers.items()) | {"User-Agent": _AGENT}
    if trace := os.environ.get("_X_AMZN_TRACE_ID"):
        headers["X-Amzn-Trace-Id"] = trace
    return headers


def _keys() -> _Keys:
    """Return the role's keys as Lambda sets them; they outlive the execution environment."""
    try:
        access, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    except KeyError as missing:
        raise InvalidSetting(
            missing.args[0], "", "is not set", "Lambda sets it, unless SnapStart is on: switch that off"
        ) from None
    return _Keys(access, secret, os.environ.get("AWS_SESSION_TOKEN"))


def _read(raw: Any, until: float) -> bytes:
    """Read a whole answer; a connection that is given up in the middle is not used again."""
    # What has come so far, so that an answer that trickles is noticed; urllib3 1 can only wait for a whole piece.
    read = getattr(raw, "read1", raw.read)
    body = bytearray()
    try:
        while piece := read(_PIECE_BYTES):
            body += piece
            if len(body) > _LARGEST_ANSWER:
                raise NoAnswerError("AnswerTooLong")
            if time.monotonic() > until:
                raise NoAnswerError("AnswerTooSlow", silent=True)
    except BaseException:
        raw.close()
        raise
    return bytes(body)
