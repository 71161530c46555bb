"""Identity tokens of ``AssumeRoleWithWebIdentity``: what they claim, and which of them are refused unread.

The signature of a token is NOT checked: the rehearsal has no way to the issuer's public keys, and makes its tokens
itself. Everything else is judged as STS judges it: form, issuer, audience, times, and the claims against the role's
trust policy. Nothing that depends on who signed a token is proved here.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from rehearsal.aws.iam import store

if TYPE_CHECKING:
    from rehearsal.aws.iam.context_keys import Context

_CLAIMS = ("amr", "aud", "oaud", "sub")
"""Claims that are condition keys for every OpenID Connect provider; others would only seem to guard a role.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
"""


class TokenError(Exception):
    """A token is refused; ``code`` is that of AWS's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Identity(NamedTuple):
    """Whom a token stands for: the ARN of its provider in IAM, and the condition keys of its claims."""

    provider: str
    keys: Context


def read(token: str, account: str) -> Identity:
    """Return whom a token stands for.

    Raises
    ------
    TokenError
        When STS would refuse it before it looks at any policy.
    """
    claims = payload(token)
    issuer = str(claims.get("iss", "")).removeprefix("https://")
    found = store.provider(account, issuer) if issuer else None
    if found is None:
        raise TokenError(
            "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {claims.get('iss')}"
        )
    now = int(time.time())
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or now >= expires:
        raise TokenError(
            "ExpiredTokenException", f"Token expired: current date/time {now} must be before the expiration {expires}"
        )
    if not isinstance(claims.get("nbf", 0), int | float) or claims.get("nbf", 0) > now:
        raise TokenError("InvalidIdentityToken", f"Token is not valid before {claims['nbf']}: it is {now}")
    audiences = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    if not set(audiences) & set(found.client_id_list):
        raise TokenError("InvalidIdentityToken", "Incorrect token audience")
    return Identity(found.arn, condition_keys(found.arn, claims))


def condition_keys(provider: str, claims: dict[str, Any]) -> Context:
    """Return the condition keys of a token's claims, which the session keeps for all of its requests."""
    issuer = provider.split(":oidc-provider/", 1)[1]
    said: Context = {f"{issuer}:{name}": claims[name] for name in _CLAIMS if claims.get(name)}
    return {"aws:FederatedProvider": provider, **said}


def payload(token: str) -> dict[str, Any]:
    """Return the claims of a token, unchecked.

    Raises
    ------
    TokenError
        When it is no JSON Web Token.
    """
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (IndexError, ValueError, binascii.Error) as error:
        raise TokenError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.") from error
    if len(parts) != 3 or not isinstance(claims, dict):
        raise TokenError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
    return claims
