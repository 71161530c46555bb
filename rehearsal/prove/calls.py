"""The flight recorder beside the journal of uses: a call that was carried out and used nothing was never decided."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from rehearsal.aws.iam import tables
from rehearsal.aws.iam.errors import UnmappedCallError
from rehearsal.aws.iam.mapping import actions
from rehearsal.prove.forbidden.sessions import PREFIX
from rehearsal.prove.used import EvidenceError, Use

_SESSION = ":assumed-role/"
_FIRST_ERROR = 400


def undecided(path: Path, used: Iterable[Use]) -> list[str]:
    """Calls of roles that were carried out although no use of theirs stands in the journal, a line each.

    EvidenceError when the recorder's file cannot be read, or names a call whose actions nothing tells.
    """
    known: dict[str, set[str]] = defaultdict(set)
    for use in used:
        known[use.role].add(use.action)
    found = []
    try:
        for role, service, operation in sorted(_carried_out(path)):
            wanted = _alternatives(service, operation)
            if wanted and not wanted & known[role]:
                found.append(f"{role} carried out {service}:{operation}, and nothing says what allowed it")
    except (OSError, ValueError, KeyError, UnmappedCallError) as error:
        raise EvidenceError(f"{path}: {type(error).__name__}: {error}") from None
    return found


def _carried_out(path: Path) -> set[tuple[str, str, str]]:
    calls = set()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            call = json.loads(line)
            if _SESSION in call["principal"] and call["status"] < _FIRST_ERROR:
                role, _, session = call["principal"].split(_SESSION, 1)[1].partition("/")
                if not session.startswith(PREFIX):
                    calls.add((role, call["service"], call["operation"]))
    return calls


def _alternatives(service: str, operation: str) -> set[str]:
    """The actions that a call may have needed, by its name alone."""
    if service == "sagemaker" and operation.startswith("InvokeEndpoint"):
        service = "sagemaker-runtime"
    service = tables.MODELS.get(service, service)
    versioned = tables.VERSIONED.get((service, operation))
    return {*actions(service, operation, {}), *([versioned] if versioned else [])}
