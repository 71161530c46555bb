"""IAM in front of the embedded AWS: every request is decided before it is carried out, whoever makes it.

A request may worsen its own way with the header ``x-slipway-way``: ``outside`` (past the VPC endpoint) or
``plain-http`` (without TLS), or both. Nothing in a request can better its way.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from rehearsal.aws.iam import memory, network, sessions, tags, trust
from rehearsal.aws.iam.decide import Asker, Refusal, judge, record_of, refuse, undecidable
from rehearsal.aws.iam.errors import PolicyEvaluationError, UnmappedCallError
from rehearsal.aws.iam.mapping import Check, checks
from rehearsal.aws.iam.parse import parse
from rehearsal.aws.iam.request import Principal, principal
from rehearsal.aws.iam.resources import Scope
from rehearsal.aws.iam.service_keys import key_of, settled
from rehearsal.aws.identify import Call, identify
from rehearsal.aws.principals import principal_arn
from rehearsal.aws.wire import error_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rehearsal.aws.context import Context
    from rehearsal.aws.iam.context_keys import Context as KeyValues
    from rehearsal.aws.iam.journal import Book
    from rehearsal.aws.iam.parse import Parsed

_WAYS = {"outside", "plain-http"}
_BAD_REQUESTS = {"ExpiredTokenException", "InvalidIdentityToken", "ValidationError"}
_EC2 = {
    "AccessDenied": "UnauthorizedOperation",
    "ExpiredToken": "RequestExpired",
    "InvalidClientTokenId": "AuthFailure",
}
"""EC2's own names for what other services call differently."""
_HOSTS = {"", "127.0.0.1", "localhost"}
_HOT = {("lambda", "Invoke"), ("sagemaker", "InvokeEndpoint")}
"""Calls that come by the hundred in a second, and whose body no policy looks into."""
_DECISIVE = (
    "PATH_INFO",
    "QUERY_STRING",
    "HTTP_X_AMZ_SECURITY_TOKEN",
    "HTTP_X_AMZN_SAGEMAKER_TARGET_MODEL",
    "HTTP_X_SLIPWAY_WAY",
)
"""What of a request the decision about a frequent call depends on, besides who makes it and where."""
_MOST = 4096
_INVALID = "The security token included in the request is invalid."
_EXPIRED = "The security token included in the request is expired"
_MISSING = "Request is missing Authentication Token"


class Gate:
    """WSGI middleware. In mode ``log`` every call is carried out and what would have been refused is written down."""

    def __init__(self, app: Any, context: Context, book: Book) -> None:
        self._app = app
        self._context = context
        self._book = book
        self._allowed: dict[tuple[str, ...], tuple[int, int]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Decide, and pass on or answer the refusal in the service's own shape."""
        call = identify(environ)
        refusal = self._refusal(environ, call)
        if refusal is not None and self._book.enforces:
            return _answer(environ, start_response, call, refusal)
        try:
            return self._app(environ, start_response)
        finally:
            memory.forget_after(call.service, call.operation)

    def _refusal(self, environ: dict[str, Any], call: Call) -> Refusal | None:
        key, moment = _hot(environ, call), (memory.generation(), int(time.monotonic()))
        if key and self._allowed.get(key) == moment:
            return None
        record = {"service": call.service, "operation": call.operation}
        asker = Asker(Principal("anonymous", ""), {}, call=record)
        try:
            session = sessions.find(self._context.account_id, call.access_key)
            arn = principal_arn(self._context, call.access_key)
            asker = Asker(principal(arn, session.role_arn if session is not None else ""), {}, call=record)
            spoilt = _spoilt(environ, call, arn, session)
            if spoilt:
                code, text = spoilt
                return refuse(self._book, _before(asker, code, text, "token"))
            _demand_path_style(environ, call)
            scope = Scope(self._context.account_id, call.region or self._context.region)
            parsed = parse(environ, call)
            asker, needed = _asked(environ, asker, session, parsed, scope)
        except trust.TrustError as error:
            return refuse(self._book, _before(asker, error.code, str(error), "denied"))
        except (PolicyEvaluationError, UnmappedCallError) as error:
            return refuse(self._book, undecidable(asker, error))
        refusal = judge(self._book, asker, needed, scope)
        if key and refusal is None:
            if len(self._allowed) > _MOST:
                self._allowed.clear()
            self._allowed[key] = moment
        return refusal


def _spoilt(environ: dict[str, Any], call: Call, arn: str, session: Any) -> tuple[str, str] | None:
    """Return the error of credentials that are missing, foreign or too old.

    A temporary key comes with its own token, and a key without a session comes with none.
    """
    if not call.access_key and call.service != "s3" and call.operation not in trust.ASSUMES:
        return "MissingAuthenticationToken", _MISSING
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "")
    if not token and environ.get("QUERY_STRING"):
        token = parse_qs(environ["QUERY_STRING"]).get("X-Amz-Security-Token", [""])[0]
    if (call.access_key and not arn) or token != (session.session_token if session is not None else ""):
        return "InvalidClientTokenId", _INVALID
    return ("ExpiredToken", _EXPIRED) if session is not None and sessions.expired(session) else None


def _demand_path_style(environ: dict[str, Any], call: Call) -> None:
    """Refuse a bucket in the name of the host: what is decided is read from the path alone."""
    host = environ.get("HTTP_HOST", "").rsplit(":", 1)[0]
    if call.service == "s3" and host not in _HOSTS:
        raise PolicyEvaluationError(f"S3 is asked at host {host!r}: name the bucket in the path")


def _asked(
    environ: dict[str, Any], asker: Asker, session: Any, parsed: Parsed, scope: Scope
) -> tuple[Asker, list[Check]]:
    """Return who asks, by which way, and what the call needs."""
    service, operation, caller = parsed.service, parsed.operation, asker.caller
    parameters = settled(service, operation, parsed.parameters, scope)
    needed = checks(service, operation, parameters, scope, key_of)
    extra = tags.of_request(parameters)
    if extra:
        needed = [Check(c.action, c.resource, {**extra, **c.context}, c.why) for c in needed]
    keys: KeyValues = {}
    if service == "sts" and operation in trust.ASSUMES:
        caller, keys = trust.assumer(environ, operation, parameters, caller, scope.account)
    source = sessions.facts_of(session).source if session is not None else ""
    way, endpoint = network.way(service, caller.role_arn, scope, source)
    worse = {word.strip() for word in environ.get("HTTP_X_SLIPWAY_WAY", "").split(",") if word.strip()}
    if worse - _WAYS:
        raise PolicyEvaluationError(f"x-slipway-way {', '.join(sorted(worse - _WAYS))}: one of {sorted(_WAYS)}")
    if "outside" in worse:
        way, endpoint = network.OUTSIDE, None
    keys = {**sessions.caller_keys(caller, session if caller is asker.caller else None, scope), **keys}
    if "plain-http" in worse:
        keys["aws:SecureTransport"] = "false"
    return Asker(caller, keys, way, endpoint, sessions.limits(session, caller), "call", asker.call), needed


def _hot(environ: dict[str, Any], call: Call) -> tuple[str, ...]:
    """Return what the decision about a frequent call depends on; () for all calls that are decided each time.

    What was allowed is allowed again for the rest of the second, unless a call that may change policies came between.
    """
    if (call.service, call.operation) not in _HOT:
        return ()
    return (call.access_key, call.region, call.operation, *(environ.get(name, "") for name in _DECISIVE))


def _before(asker: Asker, code: str, text: str, kind: str) -> Refusal:
    """Return a refusal that came before any policy was asked."""
    return Refusal(code, text, {**record_of(asker), "kind": kind, "reason": text})


def _answer(environ: dict[str, Any], start_response: Any, call: Call, refusal: Refusal) -> list[bytes]:
    kind = environ.get("CONTENT_TYPE", "")
    xml = call.service in ("s3", "ec2") or "x-www-form-urlencoded" in kind
    code = refusal.code + ("Exception" if refusal.code in ("AccessDenied", "ExpiredToken") and not xml else "")
    code = _EC2.get(code, code) if call.service == "ec2" else code
    text, headers = error_body(call.service, kind, code, refusal.message)
    body = b"" if environ.get("REQUEST_METHOD") == "HEAD" else text.encode()
    status = "400 Bad Request" if refusal.code in _BAD_REQUESTS else "403 Forbidden"
    start_response(status, [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]


_EC2 = {
    "AccessDenied": "UnauthorizedOperation",
    "ExpiredToken": "RequestExpired",
    "InvalidClientTokenId": "AuthFailure",
}
_BAD_REQUESTS = {"ExpiredTokenException", "InvalidIdentityToken", "ValidationError"}
