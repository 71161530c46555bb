"""Who asks when a role is assumed, and what else STS looks at before it hands out a session.

Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import store, tokens
from rehearsal.aws.iam.request import Principal, principal

if TYPE_CHECKING:
    from rehearsal.aws.iam.context_keys import Context

ASSUMES = ("AssumeRole", "AssumeRoleWithWebIdentity")

_SHORTEST, _DEFAULT, _CHAINED = 900, 3600, 3600  # seconds
_SERVICE, _SOURCE = "HTTP_X_SLIPWAY_SERVICE", "HTTP_X_SLIPWAY_SOURCE"


class TrustError(Exception):
    """A session is refused before any policy is looked at; ``code`` is that of AWS's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def assumer(
    environ: dict[str, Any], operation: str, parameters: dict[str, Any], caller: Principal, account: str
) -> tuple[Principal, Context]:
    """Return who asks for a session, with the condition keys that come with it.

    The root user may ask in the name of a service (header ``x-slipway-service``, and ``x-slipway-source`` with the ARN
    of the resource for which it would act): this is how a test gets the session that a function or a job has.

    Raises
    ------
    TrustError
        For a token that is refused, for the root user itself, and for a session that is longer than the role allows.
    """
    _demand_duration(parameters, caller)
    if environ.get(_SERVICE) and caller.kind != "root":
        raise TrustError("AccessDenied", "only the root user may ask for a session in the name of a service")
    if operation == "AssumeRoleWithWebIdentity":
        try:
            found = tokens.read(str(parameters.get("WebIdentityToken", "")), account)
        except tokens.TokenError as error:
            raise TrustError(error.code, str(error)) from error
        return principal(found.provider), found.keys
    if caller.kind != "root":
        return caller, {}
    if not environ.get(_SERVICE):
        raise TrustError("AccessDenied", "Roles may not be assumed by root accounts.")
    source = environ.get(_SOURCE, "")
    keys: Context = {"aws:SourceAccount": account}
    return principal(environ[_SERVICE]), {**keys, "aws:SourceArn": source} if source else keys


def _demand_duration(parameters: dict[str, Any], caller: Principal) -> None:
    asked = int(parameters.get("DurationSeconds") or _DEFAULT)
    role = store.role_named(str(parameters.get("RoleArn", "")))
    longest = int(getattr(role, "max_session_duration", None) or _DEFAULT)
    if asked < _SHORTEST or asked > longest:
        raise TrustError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    if caller.kind == "session" and asked > _CHAINED:
        raise TrustError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
