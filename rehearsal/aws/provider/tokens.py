"""STS: sessions that keep what was said when they were made, and AWS's answers about identity tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.sts.responses import TokenResponse

from rehearsal.aws.iam import sessions, tokens


def install() -> None:
    """Change moto's operations."""
    assume_role, with_web_identity = TokenResponse.assume_role, TokenResponse.assume_role_with_web_identity

    def assume(self: TokenResponse) -> ActionResult:
        answer = assume_role(self)
        result: Any = answer.result
        parent = sessions.facts_of(sessions.find(self.current_account, self.get_access_key()))
        inherited = {name: value for name, value in parent.tags.items() if name in parent.transitive}
        given = {tag["Key"]: tag.get("Value", "") for tag in self._get_param("Tags") or []}
        sessions.note(
            result["Credentials"],
            sessions.Facts(
                issued=_now(),
                service=self.headers.get("X-Slipway-Service", ""),
                source=self.headers.get("X-Slipway-Source", ""),
                tags={**given, **inherited},
                transitive=(*parent.transitive, *(self._get_param("TransitiveTagKeys") or [])),
                policy_arns=_policies(self),
                identity=self._get_param("SourceIdentity") or parent.identity,
            ),
        )
        return answer

    def assume_with_web_identity(self: TokenResponse) -> ActionResult:
        answer = with_web_identity(self)
        result: Any = answer.result
        role = result["Credentials"]
        claims = _claims(self._get_param("WebIdentityToken"))
        issuer = str(claims.get("iss", "")).removeprefix("https://")
        provider = f"arn:aws:iam::{self.current_account}:oidc-provider/{issuer}"
        keys = tokens.condition_keys(provider, claims)
        sessions.note(role, sessions.Facts(issued=_now(), policy_arns=_policies(self), claims=keys))
        result["AssumedRoleUser"]["AssumedRoleId"] = role.user_id
        result |= {
            "SubjectFromWebIdentityToken": claims.get("sub", ""),
            "Audience": claims.get("aud", ""),
            "Provider": provider,
        }
        return answer

    TokenResponse.assume_role = assume
    TokenResponse.assume_role_with_web_identity = assume_with_web_identity


def _policies(self: TokenResponse) -> tuple[str, ...]:
    return tuple(str(item.get("arn")) for item in self._get_param("PolicyArns") or [])


def _claims(token: str) -> dict[str, Any]:
    try:
        return tokens.payload(token)
    except tokens.TokenError:  # the gate has refused it where policies are enforced
        return {}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
