"""The decision: which policies must allow a request, which may, and that any Deny ends it.

Written from https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and what it
links to, for KMS from https://docs.aws.amazon.com/kms/latest/developerguide/determining-access.html. Policies of an
organisation (SCP, RCP) are not part of one account and not evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.aws.iam.document import KINDS, Policy
from rehearsal.aws.iam.principals import ACCOUNT, DIRECT, NOBODY, ROLE
from rehearsal.aws.iam.statement import Finding, Verdict, judge

if TYPE_CHECKING:
    from rehearsal.aws.iam.document import Statement
    from rehearsal.aws.iam.grants import Grant
    from rehearsal.aws.iam.request import Request

_MISSES = {"condition": 0, "resource": 1}
"""Near misses worth telling, the nearest first."""


@dataclass(frozen=True)
class Policies:
    """All policies that may speak about a request. None is "there is none"; an empty tuple allows nothing.

    Parameters
    ----------
    identity
        Of the caller's role or user.
    boundary, session
        Limits of the caller.
    resource
        On the resource itself: of a bucket, key, topic, queue, function or repository, or a role's trust policy.
    endpoint
        Of the VPC endpoint that the request came through.
    grants
        On the key, for KMS.
    """

    identity: tuple[Policy, ...] = ()
    boundary: tuple[Policy, ...] | None = None
    session: tuple[Policy, ...] | None = None
    resource: Policy | None = None
    endpoint: Policy | None = None
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed, why, and the statement that decided (None: no statement did)."""

    allowed: bool
    reason: str
    decisive: Finding | None = None


@dataclass(frozen=True)
class _Voice:
    """What the policies of one kind say together."""

    kind: str
    deny: Finding | None = None
    allow: Finding | None = None
    closeness: int = NOBODY
    nearest: Finding | None = None
    distance: int = len(_MISSES)


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decide one request.

    Raises
    ------
    PolicyEvaluationError
        When any condition of any policy that could matter cannot be evaluated.
    """
    bounded = policies.boundary is not None
    voices = {
        kind: _listen(kind, found, request, bounded=bounded)
        for kind, found in (
            ("endpoint", _one(policies.endpoint)),
            ("identity", policies.identity),
            ("boundary", policies.boundary),
            ("session", policies.session),
            ("resource", _one(policies.resource)),
        )
        if found is not None
    }
    for voice in voices.values():
        if voice.deny:
            return Decision(False, f"with an explicit deny in {_where(voice.deny)}", voice.deny)
    if "endpoint" in voices and not voices["endpoint"].allow:
        return _silent(request, voices["endpoint"])
    return _decide(request, policies, voices)


def must_be_named(request: Request) -> bool:
    """Whether the resource's own policy has to allow a request even inside one account: keys and roles."""
    is_key = request.action.startswith("kms:") and ":key/" in request.resource
    return is_key or (request.action.startswith("sts:") and ":role/" in request.resource)


def _decide(request: Request, policies: Policies, voices: dict[str, _Voice]) -> Decision:
    resource = voices.get("resource", _Voice("resource"))
    grant = next((item for item in policies.grants if item.covers(request)), None)
    if request.caller.kind not in ("session", "user", "root"):  # no identity policies: the resource alone decides
        return _allow(resource.allow) if resource.allow else _granted(grant) or _silent(request, resource)
    same_account = request.owner == request.caller.account
    if same_account and resource.closeness == DIRECT:
        return _allow(resource.allow)
    limit = next((voices[kind] for kind in ("boundary", "session") if kind in voices and not voices[kind].allow), None)
    if same_account and (resource.closeness == ROLE or grant):
        return _silent(request, limit) if limit else _granted(grant) or _allow(resource.allow)
    if (not same_account or must_be_named(request)) and resource.closeness < ACCOUNT:
        return _silent(request, resource)
    if request.caller.kind == "root":
        return Decision(True, "the account's root user")
    limit = voices["identity"] if not voices["identity"].allow else limit
    return _silent(request, limit, resource) if limit else _allow(voices["identity"].allow)


def _listen(kind: str, found: tuple[Policy, ...], request: Request, *, bounded: bool) -> _Voice:
    deny = allow = nearest = None
    close, distance = NOBODY, len(_MISSES)
    for policy in found:
        for statement in policy.statements:
            verdict = judge(statement, request, bounded=bounded)
            if verdict.applies and statement.effect == "Deny":
                deny = deny or Finding(policy, statement, _denied_because(statement, request))
            elif verdict.closeness > close:
                close, allow = verdict.closeness, Finding(policy, statement)
            elif statement.effect == "Allow" and _distance(verdict) < distance:
                distance, nearest = _distance(verdict), Finding(policy, statement, verdict.detail)
    return _Voice(kind, deny, allow, close, nearest, distance)


def _denied_because(statement: Statement, request: Request) -> str:
    return "; ".join(test.explain(request, met=True) for test in statement.conditions)


def _distance(verdict: Verdict) -> int:
    return _MISSES.get(verdict.miss, len(_MISSES))


def _allow(finding: Finding | None) -> Decision:
    if finding is None:  # cannot be: a closeness above NOBODY comes with its statement
        return Decision(False, "because nothing allows the action")
    return Decision(True, f"allowed by {_where(finding)}", finding)


def _granted(grant: Grant | None) -> Decision | None:
    return Decision(True, f"allowed by a grant to {grant.grantee} on {grant.key}") if grant else None


def _silent(request: Request, voice: _Voice, *others: _Voice) -> Decision:
    kind = "trust" if voice.kind == "resource" and request.action.startswith("sts:") else voice.kind
    near = [other.nearest for other in (voice, *others) if other.nearest]
    reason = f"because no {KINDS[kind]} allows the {request.action} action"
    if near:
        reason += f"; nearest to it: {'; '.join(map(_where, near))}"
    return Decision(False, reason, near[0] if near else None)


def _where(finding: Finding) -> str:
    return f"{KINDS[finding.policy.kind]} {finding.policy.name}, {finding}"


def _one(policy: Policy | None) -> tuple[Policy, ...] | None:
    return None if policy is None else (policy,)
