"""Decisions and the books in which they stand: for requests, and for what services do inside the server.

A caller is described once, as an :class:`Asker`; :func:`judge` decides what it needs and writes down every refusal in
``denials.jsonl`` and the first use of every statement in ``uses.jsonl``. Calls that AWS makes with a role, or in its
own name against the policy of a resource, are asked for with :func:`as_role` and :func:`as_service`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rehearsal.aws.iam import journal, network, sessions, store, tags
from rehearsal.aws.iam.errors import PolicyEvaluationError, UnmappedCallError
from rehearsal.aws.iam.evaluate import Decision, Policies, evaluate
from rehearsal.aws.iam.mapping import Check, checks
from rehearsal.aws.iam.patterns import resource_matches
from rehearsal.aws.iam.request import Principal, Request, principal
from rehearsal.aws.iam.request_keys import filled
from rehearsal.aws.iam.resources import Scope
from rehearsal.aws.iam.service_keys import key_of, settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rehearsal.aws.context import Acting
    from rehearsal.aws.iam.context_keys import Context
    from rehearsal.aws.iam.document import Policy
    from rehearsal.aws.iam.journal import Book

TRIED = "forbidden-"
"""Sessions whose names begin so make the calls that must be refused, and the allowed ones beside them."""
log = logging.getLogger(__name__)


class AccessDeniedError(RuntimeError):
    """A service may not do what it was about to do; the message is AWS's. Raised only where refusals are enforced."""


class Refusal(NamedTuple):
    """Why a call is refused: the error's code, a message in AWS's words, and what goes into the log."""

    code: str
    message: str
    record: dict[str, str]


@dataclass(frozen=True)
class Asker:
    """Who asks, by which way, and as what it is written down.

    Parameters
    ----------
    keys
        Condition keys that hold whatever is asked.
    way, endpoint
        Condition keys of the way of the call, and the policy of the VPC endpoint on it.
    limit
        Session policies.
    via
        ``call`` for a request of the principal itself, ``service`` for what a service does.
    call
        Fields of the record: service and operation.
    """

    caller: Principal
    keys: Context
    way: Context = field(default_factory=dict)
    endpoint: Policy | None = None
    limit: tuple[Policy, ...] | None = None
    via: str = "call"
    call: dict[str, str] = field(default_factory=dict)


def deciding() -> bool:
    """Whether anything is decided in this process."""
    return journal.book() is not None


def judge(book: Book, asker: Asker, needed: Iterable[Check], scope: Scope) -> Refusal | None:
    """Decide everything that one call needs and write it down; return the first refusal, None when all is allowed."""
    try:
        for check in needed:
            decision = decide(asker, check, scope)
            if not decision.allowed:
                return refuse(book, _denied(asker, check, decision))
            _use(book, asker, check, decision)
    except (PolicyEvaluationError, UnmappedCallError) as error:
        return refuse(book, undecidable(asker, error))
    except Exception as error:
        log.exception("a decision failed")
        return refuse(book, undecidable(asker, error))
    return None


def needs(service: str, operation: str, parameters: dict[str, Any]) -> Iterator[Check]:
    """Yield what an API call needs that a service makes inside the server."""
    _, scope = _now()
    yield from checks(service, operation, settled(service, operation, parameters, scope), scope, key_of)


def decide(asker: Asker, check: Check, scope: Scope) -> Decision:
    """Decide one action on one resource.

    Raises
    ------
    PolicyEvaluationError
        When a policy that could matter cannot be read or evaluated.
    """
    caller = asker.caller
    identity, boundary = store.identity_policies(caller)
    direct = not check.why.startswith("key of")  # a service's own call to KMS takes no way of the caller's
    policies = Policies(
        identity,
        boundary,
        asker.limit,
        store.resource_policy(check.resource, scope.account),
        asker.endpoint if direct and check.action != "iam:PassRole" else None,
        store.grants(check.resource, scope.account),
    )
    context = {**asker.keys, **(asker.way if direct else {}), **check.context}
    if tags.asked_for(policies):
        context.update(tags.of_resource(check.resource, scope))
    return evaluate(Request(caller, check.action, check.resource, context, _owner(check, scope), filled), policies)


def refuse(book: Book, refusal: Refusal) -> Refusal:
    """Write a refusal down and return it."""
    book.denials.write(**refusal.record)
    return refusal


def undecidable(asker: Asker, error: Exception) -> Refusal:
    """Return the refusal of what no policy can be asked about."""
    known = isinstance(error, (PolicyEvaluationError, UnmappedCallError))
    reason, kind = (str(error), type(error).__name__) if known else (repr(error), "failure")
    return Refusal("UndecidableRequest", reason, {**record_of(asker), "kind": kind, "reason": reason})


def record_of(asker: Asker) -> dict[str, str]:
    """Return the fields of a record that say who asked for what."""
    return {
        "principal": asker.caller.arn,
        "role": asker.caller.role_arn or asker.caller.arn,
        "via": asker.via,
        "service": "",
        "operation": "",
        **asker.call,
    }


def as_service(name: str, operation: str, needed: Iterable[Check], *, source: str, keys: Context | None = None) -> None:
    """Decide what a service does in its own name.

    Parameters
    ----------
    name
        The service principal, such as ``sns.amazonaws.com``.
    operation
        What it is about, for the record.
    source
        ARN of the resource for which it acts: ``aws:SourceArn``, and with its account ``aws:SourceAccount``.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced.
    """
    book, scope = _now()
    if book is None:
        return
    who = principal(name)
    account = source.split(":")[4] or scope.account  # a bucket's ARN has no account
    of_source: Context = {"aws:SourceArn": source, "aws:SourceAccount": account}
    asker = Asker(
        who,
        {**sessions.caller_keys(who, None, scope), **of_source, **(keys or {})},
        via="service",
        call=_call(name, operation),
    )
    _carry_out(book, judge(book, asker, needed, scope))


def as_role(
    acting: Acting, operation: str, needed: Iterable[Check], *, keys: Context | None = None, through: str = ""
) -> None:
    """Decide what a service does with a role.

    Parameters
    ----------
    through
        The service that is called, when the call takes the way of the role's workload out of its VPC; "" for what
        the service does from its own network.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced.
    """
    book, scope = _now()
    if book is None:
        return
    arn = f"arn:aws:sts::{scope.account}:assumed-role/{acting.role.rsplit('/', 1)[-1]}/{acting.session}"
    asker = Asker(principal(arn, acting.role), {}, via="service", call=_call(acting.service, operation))
    try:
        way, endpoint = network.way(through, acting.role, scope, acting.source) if through else ({}, None)
        known = {**sessions.caller_keys(asker.caller, None, scope), **sessions.role_keys(asker.caller)}
        refusal = judge(book, replace(asker, keys={**known, **(keys or {})}, way=way, endpoint=endpoint), needed, scope)
    except PolicyEvaluationError as error:  # the role is gone
        refusal = refuse(book, undecidable(asker, error))
    _carry_out(book, refusal)


def assume(name: str, role_arn: str, source: str) -> None:
    """Decide by the role's trust policy whether the service ``name`` may assume a role for the resource ``source``.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced.
    """
    as_service(name, "AssumeRole", [Check("sts:AssumeRole", role_arn)], source=source)


def _now() -> tuple[Book | None, Scope]:
    from rehearsal.aws.context import current

    book = journal.book()
    return book, Scope(current().account_id, current().region)


def _call(name: str, operation: str) -> dict[str, str]:
    return {"service": name.split(".", 1)[0], "operation": operation}


def _carry_out(book: Book, refusal: Refusal | None) -> None:
    if refusal is not None and book.enforces:
        raise AccessDeniedError(refusal.message)


def _denied(asker: Asker, check: Check, decision: Decision) -> Refusal:
    who = asker.caller.arn or "anonymous"
    message = (
        f"User: {who} is not authorized to perform: {check.action} on resource: {check.resource} {decision.reason}"
    )
    what = {"action": check.action, "resource": check.resource, "why": check.why, "reason": decision.reason}
    statement = {"statement": str(decision.decisive)} if decision.decisive else {}
    return Refusal("AccessDenied", message, {**record_of(asker), "kind": "denied", **what, **statement})


def _use(book: Book, asker: Asker, check: Check, decision: Decision) -> None:
    """Write down what allowed an action the first time. What was only tried to see it refused is nobody's use."""
    if asker.caller.kind == "session" and asker.caller.arn.rsplit("/", 1)[-1].startswith(TRIED):
        return
    found = decision.decisive
    patterns = found.statement.resources or () if found else ()
    book.uses.write_first(
        "role",
        "action",
        "policy",
        "statement",
        "pattern",
        "via",
        role=asker.caller.role_arn or asker.caller.arn,
        action=check.action,
        resource=check.resource,
        policy=found.policy.name if found else "",
        statement=found.statement.sid if found else decision.reason,
        pattern=next((p for p in patterns if p == "*" or resource_matches(p, check.resource)), ""),
        via=asker.via,
    )


def _owner(check: Check, scope: Scope) -> str:
    """S3 ARNs do not name their account; every bucket here belongs to the one account."""
    return scope.account if check.resource == "*" or check.resource.startswith("arn:aws:s3:::") else ""
