"""Whether one statement speaks about one request, and if it does not, why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rehearsal.aws.iam import variables
from rehearsal.aws.iam.patterns import matches, resource_matches
from rehearsal.aws.iam.principals import DIRECT, NOBODY, closeness

if TYPE_CHECKING:
    from rehearsal.aws.iam.document import Policy, Statement
    from rehearsal.aws.iam.request import Request


@dataclass(frozen=True)
class Verdict:
    """What a statement says about a request.

    Parameters
    ----------
    closeness
        How closely it names who asks (see :mod:`.principals`); NOBODY when the statement does not apply.
    miss
        Why it does not apply: ``principal``, ``action``, ``resource``, ``condition`` or "".
    detail
        For people, of a miss by resource or condition.
    """

    closeness: int
    miss: str = ""
    detail: str = ""

    @property
    def applies(self) -> bool:
        """Whether the statement's effect holds for the request."""
        return self.closeness != NOBODY


def judge(statement: Statement, request: Request, *, bounded: bool) -> Verdict:
    """Compare a statement with a request.

    Raises
    ------
    PolicyEvaluationError
        When a condition cannot be evaluated.
    """
    if _named(statement.actions, request.action) == statement.not_actions:
        return Verdict(NOBODY, "action")
    close = DIRECT
    if statement.principals is not None:
        close = closeness(statement.principals, request.caller, bounded=bounded)
        if close == NOBODY:
            return Verdict(NOBODY, "principal")
    if not _covers(statement, request):
        word = "to all but" if statement.not_resources else "only on"
        return Verdict(NOBODY, "resource", f"applies {word} {', '.join(statement.resources or ())}")
    # Every condition is looked at: one that cannot be evaluated must not hide behind another that fails.
    failed = [test for test in statement.conditions if not test.holds(request, statement.effect)]
    if failed:
        return Verdict(NOBODY, "condition", "; ".join(test.explain(request, met=False) for test in failed))
    return Verdict(close)


@lru_cache(maxsize=16384)
def _named(patterns: tuple[str, ...], action: str) -> bool:
    """Whether any pattern fits; remembered, because every request meets the same few statements."""
    return any(matches(text, action, ignore_case=True) for text in patterns)


def _covers(statement: Statement, request: Request) -> bool:
    if statement.resources is None:
        return True
    found = [_resolve(text, statement, request) for text in statement.resources]
    if statement.not_resources and statement.effect == "Allow" and None in found:
        return False  # what is excepted is unknown: allow nothing
    covered = any(text is not None and resource_matches(text, request.resource) for text in found)
    return covered != statement.not_resources


def _resolve(text: str, statement: Statement, request: Request) -> str | None:
    return variables.substitute(text, request) if statement.variables else text


@dataclass(frozen=True)
class Finding:
    """A statement that decided, or that came nearest."""

    policy: Policy
    statement: Statement
    detail: str = ""

    def __str__(self) -> str:
        return f"statement {self.statement.sid}" + (f": {self.detail}" if self.detail else "")
