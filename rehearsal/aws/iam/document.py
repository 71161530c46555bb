"""Policy documents as values: read strictly, so that a misspelt element is an error and not an ignored line.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rehearsal.aws.iam import conditions, variables
from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.aws.iam.principals import PrincipalElement, read_principals

_VERSIONS = {"2012-10-17", "2008-10-17"}
_TOP = {"Version", "Id", "Statement"}
_ELEMENTS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip
_ACTION = re.compile(r"\*|\*:\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
# Six parts, and no wildcard in the service's: the second as
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html has it, the first as
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
_RESOURCE = re.compile(r"\*|arn:[^:]+:[^:*?]+:[^:]*:[^:]*:.+", re.DOTALL)
_TRUST_ACTION = re.compile(r"(?i)sts:.+")
_SID = re.compile(r"[A-Za-z0-9]*")

KINDS = {
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "resource": "resource-based policy",
    "trust": "trust policy",
    "endpoint": "VPC endpoint policy",
}
"""Kinds of policies and what AWS calls them in its messages."""
_OF_IAM = ("identity", "boundary", "session")


@dataclass(frozen=True)
class Statement:
    """One statement; its lists are never empty, ``not_`` says that the element is the inverted one.

    ``resources`` is None where the element is absent (trust policies, some resource policies).
    """

    sid: str
    effect: str
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...] | None
    not_resources: bool
    principals: PrincipalElement | None
    conditions: tuple[conditions.Condition, ...]
    variables: bool


@dataclass(frozen=True)
class Policy:
    """A document with where it came from."""

    kind: str
    name: str
    statements: tuple[Statement, ...]


def read_policy(kind: str, name: str, document: str | Mapping[str, Any]) -> Policy:
    """Read a document.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    name
        For explanations: the policy's name or ARN, or that of the resource that it stands on.
    document
        JSON text or what was read from it.

    Raises
    ------
    PolicyEvaluationError
        Naming the policy, the statement and what is wrong with it.
    """
    if kind not in KINDS:
        raise PolicyEvaluationError(f"{name}: kind of policy {kind!r} is none of {', '.join(KINDS)}")
    text = document if isinstance(document, str) else json.dumps(document)
    return _read(kind, name, text)


@lru_cache(maxsize=2048)
def _read(kind: str, name: str, text: str) -> Policy:
    where = f"{KINDS[kind]} {name}"
    try:
        document = json.loads(text, object_pairs_hook=_no_duplicates)
    except ValueError as error:
        raise PolicyEvaluationError(f"{where}: {error}") from error
    if not isinstance(document, dict):
        raise PolicyEvaluationError(f"{where}: a policy is an object, got {type(document).__name__}")
    _only(document, _TOP, where)
    version = document.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise PolicyEvaluationError(f"{where}: Version {version!r} is none of {', '.join(sorted(_VERSIONS))}")
    statements = document.get("Statement")
    items = statements if isinstance(statements, list) else [statements]
    if not items or not all(isinstance(item, dict) for item in items):
        raise PolicyEvaluationError(f"{where}: Statement must be one object or a list of at least one")
    if kind in _OF_IAM and "Id" in document:
        raise PolicyEvaluationError(f"{where}: Id has a place in resource-based policies only")
    sids = [item["Sid"] for item in items if item and item.get("Sid")]
    if len(sids) != len(set(map(str, sids))):
        raise PolicyEvaluationError(f"{where}: a Sid stands twice in {', '.join(map(str, sids))}")
    read = tuple(
        _statement(kind, item, str(item.get("Sid") or f"#{number}"), where, version == "2012-10-17")
        for number, item in enumerate(items, 1)
    )
    return Policy(kind, name, read)


def _statement(kind: str, item: dict[str, Any], sid: str, where: str, modern: bool) -> Statement:
    at = f"{where}, statement {sid}"
    _only(item, _ELEMENTS, at)
    if not isinstance(item.get("Sid", ""), str):
        raise PolicyEvaluationError(f"{at}: Sid must be text")
    if kind in (*_OF_IAM, "trust") and not _SID.fullmatch(item.get("Sid", "")):
        raise PolicyEvaluationError(f"{at}: in policies of IAM, a Sid has letters and digits only")
    effect = item.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyEvaluationError(f"{at}: Effect {effect!r} is neither Allow nor Deny")
    actions, not_actions = _one_of(item, "Action", at, _ACTION, required=True)
    resources, not_resources = _one_of(item, "Resource", at, _RESOURCE, required=kind in (*_OF_IAM, "endpoint"))
    if kind == "trust" and resources is not None:
        raise PolicyEvaluationError(f"{at}: a trust policy has no Resource: the role it stands on is meant")
    if kind == "trust" and (not_actions or not all(_TRUST_ACTION.fullmatch(action) for action in actions or ())):
        raise PolicyEvaluationError(f"{at}: a trust policy's Action names actions of sts, got {item}")
    if modern:
        for text in resources or ():
            variables.check(text)
            if "${" in ":".join(text.split(":", 5)[:5]):
                raise PolicyEvaluationError(f"{at}: in {text!r} a variable stands before the fifth colon")
    try:
        who = read_principals(item, kind, effect)
        tests = conditions.read_conditions(item.get("Condition"), modern)
    except PolicyEvaluationError as error:
        raise PolicyEvaluationError(f"{at}: {error}") from error
    return Statement(sid, effect, actions or (), not_actions, resources, not_resources, who, tests, modern)


def _one_of(
    item: dict[str, Any], name: str, at: str, form: re.Pattern[str], *, required: bool
) -> tuple[tuple[str, ...] | None, bool]:
    present = [key for key in (name, f"Not{name}") if key in item]
    if len(present) > 1 or (required and not present):
        raise PolicyEvaluationError(f"{at}: exactly one of {name} and Not{name} is needed, got {present or 'none'}")
    if not present:
        return None, False
    value: Any = item[present[0]]
    texts = value if isinstance(value, list) else [value]
    if not texts:
        raise PolicyEvaluationError(f"{at}: {present[0]} is empty")
    for text in texts:
        if not isinstance(text, str) or not form.fullmatch(text):
            raise PolicyEvaluationError(f"{at}: {present[0]} {text!r} is not of the documented form")
    return tuple(texts), present[0] != name


def _only(item: dict[str, Any], known: set[str], at: str) -> None:
    unknown = sorted(set(item) - known)
    if unknown:
        raise PolicyEvaluationError(f"{at}: unknown element {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"a key stands twice in {', '.join(keys)}")
    return found
