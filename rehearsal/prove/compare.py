"""Granted minus used, and used minus granted, by role, statement and action."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from policies.plan import BOOTSTRAP
from rehearsal.aws.iam.patterns import matches, resource_matches
from rehearsal.aws.iam.reference import reference
from rehearsal.prove.reasons import Reason
from rehearsal.prove.roles import Grant, Role, family, grants
from rehearsal.prove.used import Use

USED, EXCUSED, UNUSED = "used", "reason", "unused"

# What takes something down: while an environment stands, nobody has done it yet.
_TAKES_DOWN = ("Delete", "Deregister", "Detach", "Disassociate", "Remove", "Revoke", "Schedule", "Unassign")


@dataclass(frozen=True)
class Row:
    """One grant beside its use.

    Parameters
    ----------
    actions
        The actions that were used out of those that the pattern opens.
    opens
        How many actions of AWS's reference the pattern allows: 1 where it has no wildcard.
    touched
        Which of the statement's resource patterns were used with these actions.
    """

    grant: Grant
    actions: frozenset[str]
    opens: int
    touched: frozenset[str]
    reason: str = ""

    @property
    def state(self) -> str:
        """``used``, ``reason`` (unused, and somebody wrote down why it stays) or ``unused``."""
        if self.actions:
            return USED
        return EXCUSED if self.reason else UNUSED


def waits(one: RoleEvidence, row: Row) -> bool:
    """Whether a grant may still be used when the environment is taken down: the pipeline does that, and AWS with it."""
    return one.origin == BOOTSTRAP or row.grant.action.partition(":")[2].startswith(_TAKES_DOWN)


@dataclass(frozen=True)
class RoleEvidence:
    """One role: its grants, and what it did that none of them allows."""

    role: str
    origin: str
    rows: list[Row] = field(default_factory=list)
    ungranted: list[Use] = field(default_factory=list)

    def count(self, state: str) -> int:
        """How many grants are in this state."""
        return sum(1 for row in self.rows if row.state == state)

    @property
    def opens(self) -> int:
        """How many actions all patterns together allow."""
        return len({name for row in self.rows for name in opened(row.grant.action)} | set(self._unlisted()))

    def _unlisted(self) -> list[str]:
        return [row.grant.action for row in self.rows if not opened(row.grant.action)]


def compare(
    known: Mapping[str, Role], used: Iterable[Use], reasons: Iterable[Reason], statements_on_resources: Iterable[str]
) -> list[RoleEvidence]:
    """Every role's evidence, in order of name.

    Parameters
    ----------
    statements_on_resources
        Sids of the policies that stand on resources: a use that one of them allowed needs no grant of the role's own.
    """
    by_role: dict[str, list[Use]] = defaultdict(list)
    for use in used:
        by_role[use.role].append(use)
    sids, why = set(statements_on_resources), list(reasons)
    found = []
    for name in sorted({*known, *by_role}):
        role = known.get(name)
        held = grants(role) if role else []
        rows = [_row(grant, by_role[name], why) for grant in held]
        ungranted = [use for use in by_role[name] if not _granted(use, held, sids)]
        found.append(RoleEvidence(name, role.origin if role else "nowhere", rows, ungranted))
    return found


def _row(grant: Grant, used: list[Use], reasons: list[Reason]) -> Row:
    mine = [use for use in used if _is_use_of(use, grant)]
    reason = next((reason.reason for reason in reasons if reason.covers(grant)), "")
    return Row(
        grant,
        frozenset(use.action for use in mine),
        max(1, len(opened(grant.action))),
        frozenset(use.pattern for use in mine if use.pattern),
        reason,
    )


def _is_use_of(use: Use, grant: Grant) -> bool:
    """Whether this statement allowed it; or would have, where a policy on the resource did so already."""
    if not matches(grant.action, use.action, ignore_case=True):
        return False
    if use.by_resource_policy:
        return any(resource_matches(pattern, use.resource) for pattern in grant.resources)
    return (family(use.policy), use.statement) == (family(grant.policy), grant.statement)


def _granted(use: Use, held: list[Grant], sids: set[str]) -> bool:
    if not use.policy or (use.by_resource_policy and use.statement in sids):
        return True  # by a grant on a key, which stands beside the policies, or by what stands on the resource
    return any(matches(grant.action, use.action, ignore_case=True) for grant in held)


@lru_cache(maxsize=4096)
def opened(pattern: str) -> frozenset[str]:
    """Return the actions of AWS's reference that a pattern allows."""
    prefix = pattern.partition(":")[0].lower()
    return frozenset(
        f"{service}:{name}"
        for service, table in reference().items()
        if prefix in (service, "*")
        for name in table["actions"]
        if matches(pattern, f"{service}:{name}", ignore_case=True)
    )
