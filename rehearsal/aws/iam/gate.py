"""IAM in front of the embedded AWS: every call of a role session or user is decided before it is carried out."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from rehearsal.aws.iam import store
from rehearsal.aws.iam.document import read_policy
from rehearsal.aws.iam.errors import PolicyEvaluationError, UnmappedCallError
from rehearsal.aws.iam.evaluate import Decision, Policies, evaluate
from rehearsal.aws.iam.journal import Journal
from rehearsal.aws.iam.mapping import Check, checks
from rehearsal.aws.iam.network import way
from rehearsal.aws.iam.parse import parse
from rehearsal.aws.iam.request import Principal, Request, principal
from rehearsal.aws.iam.resources import Scope
from rehearsal.aws.iam.service_keys import key_of, settled
from rehearsal.aws.identify import Call, identify
from rehearsal.aws.principals import principal_arn
from rehearsal.aws.wire import error_body

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rehearsal.aws.context import Context

MODES = ("off", "log", "enforce")
log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """Why a call is refused: the error's code, a message in AWS's words, and what goes into the log."""

    code: str
    message: str
    record: dict[str, str]


class Gate:
    """WSGI middleware. ``log`` carries every call out and writes down what it would have refused.

    Refusals stand in ``denials.jsonl``; ``uses.jsonl`` has a line for the first time that a principal's action was
    allowed by a statement, from which unused statements follow.
    """

    def __init__(self, app: Any, context: Context, mode: str, root: Path) -> None:
        if mode not in MODES[1:]:
            raise ValueError(f"iam must be {', '.join(MODES)}, got {mode!r}")
        self._app = app
        self._context = context
        self._enforce = mode == "enforce"
        self._denials = Journal(root / "denials.jsonl")
        self._uses = Journal(root / "uses.jsonl")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Decide, and pass on or answer the refusal in the service's own shape."""
        call = identify(environ)
        refusal = self._refusal(environ, call)
        if refusal is None:
            return self._app(environ, start_response)
        self._denials.write(**refusal.record)
        return _answer(environ, start_response, call, refusal) if self._enforce else self._app(environ, start_response)

    def _refusal(self, environ: dict[str, Any], call: Call) -> Refusal | None:
        arn = principal_arn(self._context, call.access_key) if call.access_key else ""
        record = {"principal": arn, "service": call.service, "operation": call.operation}
        if not self._token_fits(environ, call):
            text = "The security token included in the request is invalid."
            return Refusal("InvalidClientTokenId", text, {**record, "kind": "token", "reason": text})
        if arn.endswith(":root"):
            return None
        try:
            caller = self._caller(arn, call)
            denied = self._first_denied(environ, call, caller)
        except (PolicyEvaluationError, UnmappedCallError) as error:
            return Refusal(
                "UndecidableRequest", str(error), {**record, "kind": type(error).__name__, "reason": str(error)}
            )
        except Exception as error:
            log.exception("the gate failed")
            return Refusal("UndecidableRequest", repr(error), {**record, "kind": "failure", "reason": repr(error)})
        if denied is None:
            return None
        check, decision = denied
        message = (
            f"User: {arn} is not authorized to perform: {check.action} on resource: {check.resource} {decision.reason}"
        )
        what = {"action": check.action, "resource": check.resource, "why": check.why, "reason": decision.reason}
        statement = {"statement": str(decision.decisive)} if decision.decisive else {}
        return Refusal("AccessDenied", message, {**record, "kind": "denied", **what, **statement})

    def _token_fits(self, environ: dict[str, Any], call: Call) -> bool:
        """Whether a temporary key comes with its own token, and a key without a session comes with none."""
        query = parse_qs(environ.get("QUERY_STRING", ""))
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or query.get("X-Amz-Security-Token", [""])[0]
        session = _session(self._context, call.access_key)
        return bool(token == (session.session_token if session is not None else ""))

    def _caller(self, arn: str, call: Call) -> Principal:
        session = _session(self._context, call.access_key)
        return principal(arn, session.role_arn if session is not None else "")

    def _first_denied(self, environ: dict[str, Any], call: Call, caller: Principal) -> tuple[Check, Decision] | None:
        scope = Scope(self._context.account_id, call.region or self._context.region)
        parsed = parse(environ, call)
        parameters = settled(parsed.service, parsed.operation, parsed.parameters, scope)
        needed = checks(parsed.service, parsed.operation, parameters, scope, key_of)
        identity, boundary = store.identity_policies(caller)
        session = _session(self._context, call.access_key)
        limit = (
            (read_policy("session", caller.arn, session.policy),) if session is not None and session.policy else None
        )
        path, endpoint = way(parsed.service, caller.role_arn, scope)
        base = caller_keys(caller, session, scope)
        for check in needed:
            direct = not check.why.startswith("key of")  # a service's own call to KMS takes no way of the caller's
            policies = Policies(
                identity,
                boundary,
                limit,
                store.resource_policy(check.resource, scope.account),
                endpoint if direct and check.action != "iam:PassRole" else None,
                store.grants(check.resource, scope.account),
            )
            request = Request(
                caller,
                check.action,
                check.resource,
                {**base, **(path if direct else {}), **check.context},
                _owner(check, scope),
            )
            decision = evaluate(request, policies)
            if not decision.allowed:
                return check, decision
            self._use(caller, check, decision)
        return None

    def _use(self, caller: Principal, check: Check, decision: Decision) -> None:
        found = decision.decisive
        self._uses.write_first(
            "role",
            "action",
            "policy",
            "statement",
            role=caller.role_arn or caller.arn,
            action=check.action,
            resource=check.resource,
            policy=found.policy.name if found else "",
            statement=found.statement.sid if found else decision.reason,
        )


def caller_keys(caller: Principal, session: Any, scope: Scope) -> dict[str, str | list[str]]:
    """Return the global condition keys that do not depend on the call."""
    now = datetime.now(UTC)
    keys: dict[str, str | list[str]] = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:PrincipalIsAWSService": "false",
        "aws:RequestedRegion": scope.region,
        "aws:ResourceAccount": scope.account,
        "aws:SecureTransport": "true",  # loopback stands for TLS: the embedded AWS has no certificate
        "aws:ViaAWSService": "false",
    }
    if caller.account:
        keys["aws:PrincipalAccount"] = keys["aws:SourceOwner"] = caller.account
        keys["aws:PrincipalArn"] = caller.role_arn or caller.arn
        keys["aws:PrincipalType"] = {"session": "AssumedRole", "user": "User"}.get(caller.kind, "Anonymous")
    if caller.kind == "user":
        keys["aws:username"] = caller.arn.rsplit("/", 1)[-1]
    if session is not None:
        keys["aws:userid"] = session.user_id
        keys.update({f"aws:PrincipalTag/{name}": value for name, value in store.role_tags(caller).items()})
    return keys


def _session(context: Context, access_key: str) -> Any:
    from moto.sts.models import sts_backends

    return sts_backends[context.account_id]["aws"].get_assumed_role_from_access_key(access_key) if access_key else None


def _owner(check: Check, scope: Scope) -> str:
    """S3 ARNs do not name their account; every bucket here belongs to the one account."""
    return scope.account if check.resource == "*" or check.resource.startswith("arn:aws:s3:::") else ""


def _answer(environ: dict[str, Any], start_response: Any, call: Call, refusal: Refusal) -> list[bytes]:
    xml = call.service in ("s3", "ec2") or "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", "")
    code = refusal.code + ("Exception" if refusal.code == "AccessDenied" and not xml else "")
    code = "UnauthorizedOperation" if (call.service, code) == ("ec2", "AccessDenied") else code
    text, headers = error_body(call.service, environ.get("CONTENT_TYPE", ""), code, refusal.message)
    body = b"" if environ.get("REQUEST_METHOD") == "HEAD" else text.encode()
    start_response("403 Forbidden", [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]
