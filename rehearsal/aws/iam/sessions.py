"""Temporary credentials: whose they are and how long they last; and what is said of a caller in every request.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import store
from rehearsal.aws.iam.document import Policy, read_policy

if TYPE_CHECKING:
    from rehearsal.aws.iam.context_keys import Context
    from rehearsal.aws.iam.request import Principal
    from rehearsal.aws.iam.resources import Scope

_FACTS = "slipway"
_TEMPORARY = "ASIA"  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
_known: dict[str, Any] = {}


@dataclass(frozen=True)
class Facts:
    """What STS knows of a session besides moto's own fields.

    Parameters
    ----------
    issued
        When, in UTC and ISO 8601.
    service, source
        The service that assumed the role, and the ARN of the resource for which it did; "" for people.
    tags, transitive
        Session tags, and the names of those that the next session in a chain inherits.
    policy_arns
        Managed policies that limit the session, beside the policy in moto's own field.
    identity
        ``aws:SourceIdentity``.
    claims
        Condition keys of the identity provider's token.
    """

    issued: str = ""
    service: str = ""
    source: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    identity: str = ""
    claims: dict[str, str | list[str]] = field(default_factory=dict)


def find(account: str, access_key: str) -> Any:
    """Return moto's session of an access key, or None."""
    if not access_key.startswith(_TEMPORARY):
        return None
    session = _known.get(access_key)
    if session is None:
        from moto.sts.models import sts_backends

        session = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key)
        if session is not None:
            _known[access_key] = session
    return session


def note(session: Any, facts: Facts) -> None:
    """Write facts on a session: they are saved and restored with it."""
    setattr(session, _FACTS, facts)


def facts_of(session: Any) -> Facts:
    """Return the facts of a session."""
    facts: Facts = getattr(session, _FACTS, None) or Facts()
    return facts


def expired(session: Any) -> bool:
    """Whether the session's time is over. moto keeps times without a zone, in UTC."""
    expiration: datetime = session.expiration
    return datetime.now(UTC).replace(tzinfo=None) >= expiration


def limits(session: Any, caller: Principal) -> tuple[Policy, ...] | None:
    """Return the session policies; None when the session has none."""
    if session is None:
        return None
    found = [read_policy("session", caller.arn, session.policy)] if session.policy else []
    found += [store.managed_policy("session", arn, caller.account) for arn in facts_of(session).policy_arns]
    return tuple(found) or None


def caller_keys(caller: Principal, session: Any, scope: Scope) -> Context:
    """Return the global condition keys that do not depend on the call."""
    now = datetime.now(UTC)
    keys: Context = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:PrincipalIsAWSService": "true" if caller.kind == "service" else "false",
        "aws:RequestedRegion": scope.region,
        "aws:ResourceAccount": scope.account,
        "aws:SecureTransport": "true",  # loopback stands for TLS: the embedded AWS has no certificate
        "aws:ViaAWSService": "false",
    }
    if caller.kind == "service":
        keys["aws:PrincipalServiceName"] = caller.arn
    if caller.account:
        keys["aws:PrincipalAccount"] = keys["aws:SourceOwner"] = caller.account
        keys["aws:PrincipalArn"] = caller.role_arn or caller.arn
        kinds = {"session": "AssumedRole", "user": "User", "root": "Account"}
        keys["aws:PrincipalType"] = kinds.get(caller.kind, "Anonymous")
    if caller.kind == "root":
        keys["aws:userid"] = caller.account
    if caller.kind == "user":
        keys["aws:username"] = caller.arn.rsplit("/", 1)[-1]
        keys["aws:userid"] = store.user_id(caller)
        keys.update({f"aws:PrincipalTag/{name}": value for name, value in store.role_tags(caller).items()})
    return {**keys, **keys_of(session, caller)}


def role_keys(caller: Principal) -> Context:
    """Return the keys of a session that a service holds inside the server: the tags and the id of its role."""
    role, name = store.role_named(caller.role_arn), caller.arn.rsplit("/", 1)[-1]
    tags: Context = {f"aws:PrincipalTag/{key}": value for key, value in store.role_tags(caller).items()}
    return {**tags, "aws:userid": f"{role.id}:{name}"} if role is not None else tags


def keys_of(session: Any, caller: Principal) -> Context:
    """Return the condition keys that a session brings into each of its requests."""
    if session is None:
        return {}
    facts = facts_of(session)
    tags = {**store.role_tags(caller), **facts.tags}
    found: Context = {f"aws:PrincipalTag/{name}": value for name, value in tags.items()}
    found["aws:userid"] = session.user_id
    found["aws:MultiFactorAuthPresent"] = "false"
    if facts.issued:
        found["aws:TokenIssueTime"] = facts.issued
    if facts.identity:
        found["aws:SourceIdentity"] = facts.identity
    # Lambda says for which function the credentials are, in the calls of its code and in those for its logs and traces:
    # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    if facts.service == "lambda.amazonaws.com" and facts.source:
        found["lambda:SourceFunctionArn"] = facts.source
    return {**found, **facts.claims}
