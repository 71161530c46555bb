"""``Principal`` and ``NotPrincipal``: whether a statement of a resource policy speaks about who asks.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam.errors import PolicyEvaluationError

if TYPE_CHECKING:
    from rehearsal.aws.iam.request import Principal

_BY_RESOURCE = ("resource", "trust", "endpoint")
_AWS = re.compile(
    r"\*|\d{12}|A[A-Z0-9]{15,127}"  # everyone, an account, the unique id of somebody who was deleted
    r"|arn:aws[a-z-]*:iam::\d{12}:(root|(user|role)/[^*?]+)"
    r"|arn:aws[a-z-]*:sts::\d{12}:(assumed-role|federated-user)/[^*?]+"
)
_OTHERS = {
    "Service": re.compile(r"[a-z0-9][a-z0-9.-]*\.amazonaws\.com(\.cn)?"),
    "Federated": re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(saml|oidc)-provider/[^*?]+|[a-z0-9.-]+\.[a-z]+"),
}

NOBODY, ACCOUNT, ROLE, DIRECT = range(4)
"""How closely a statement names who asks: only their account, their role, or themselves (everybody is also they)."""


@dataclass(frozen=True)
class PrincipalElement:
    """The entries by type; ``inverted`` is NotPrincipal."""

    entries: frozenset[tuple[str, str]]
    inverted: bool


def read_principals(statement: dict[str, Any], kind: str, effect: str) -> PrincipalElement | None:
    """Read the element of a statement of a ``kind`` of policy.

    Raises
    ------
    PolicyEvaluationError
        When it is missing where it must be, present where it must not, or malformed.
    """
    present = [key for key in ("Principal", "NotPrincipal") if key in statement]
    if kind not in _BY_RESOURCE:
        if present:
            raise PolicyEvaluationError(f"{present[0]} has no place in an identity-based policy")
        return None
    if len(present) != 1:
        raise PolicyEvaluationError(f"exactly one of Principal and NotPrincipal is needed, got {present or 'none'}")
    inverted = present[0] == "NotPrincipal"
    if inverted and (effect == "Allow" or kind == "trust"):
        raise PolicyEvaluationError("NotPrincipal is supported with Deny only, and not in trust policies")
    value = statement[present[0]]
    groups = {"AWS": "*"} if value == "*" else value
    if not isinstance(groups, dict) or not groups:
        raise PolicyEvaluationError(f"{present[0]} {value!r} is neither * nor an object")
    entries = {(group, name) for group, names in groups.items() for name in _names(group, names)}
    return PrincipalElement(frozenset(entries), inverted)


def _names(group: str, names: object) -> list[str]:
    form = _AWS if group == "AWS" else _OTHERS.get(group)
    if form is None:
        raise PolicyEvaluationError(f"principal type {group!r} is none of AWS, Federated, Service")
    found = names if isinstance(names, list) else [names]
    if not found:
        raise PolicyEvaluationError(f"principal type {group} names nobody")
    for name in found:
        if not isinstance(name, str) or not form.fullmatch(name):
            raise PolicyEvaluationError(
                f"principal {group} {name!r} is malformed (part of a name cannot be a wildcard)"
            )
    return list(map(str, found))


def closeness(element: PrincipalElement, caller: Principal, *, bounded: bool) -> int:
    """Return how closely the element names the caller, from :data:`NOBODY` to :data:`DIRECT`.

    Parameters
    ----------
    bounded
        Whether the caller has a permissions boundary: NotPrincipal then exempts nobody, as AWS documents.
    """
    if not element.inverted:
        return max((_closeness(name, caller) for _, name in element.entries), default=NOBODY)
    return NOBODY if not bounded and _exempt(element, caller) else DIRECT


def _closeness(name: str, caller: Principal) -> int:
    if name in (
        "*",
        caller.arn,
    ):  # a grant to everybody is not limited by a boundary or session policy, as AWS documents
        return DIRECT
    if name == caller.role_arn:
        return ROLE
    return ACCOUNT if name in _account_names(caller) else NOBODY


def _exempt(element: PrincipalElement, caller: Principal) -> bool:
    """A session is exempt when it, its role and its account are all listed; a user with its account."""
    if ("AWS", "*") in element.entries:
        return True
    if caller.kind == "service":
        return any(_closeness(name, caller) == DIRECT for _, name in element.entries)
    names = {name for group, name in element.entries if group == "AWS"}
    if not names & _account_names(caller):
        return False
    return {caller.arn, caller.role_arn} - {""} <= names | _account_names(caller)


def _account_names(caller: Principal) -> set[str]:
    return {caller.account, f"arn:aws:iam::{caller.account}:root"}
