"""What was proved and what was not, in words for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from rehearsal.prove.compare import EXCUSED, UNUSED, USED, RoleEvidence, Row
from rehearsal.prove.network import NetworkPath
from rehearsal.prove.reasons import FILE

WIDTH = 100


@dataclass
class Verdict:
    """Lines to read, and one entry for each thing that is not as it should be, with its remedy."""

    lines: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict([*self.lines, *other.lines], [*self.failures, *other.failures])


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Columns side by side: the first to the left, the others, numbers, to the right."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *(cell.rjust(widths[at + 1]) for at, cell in enumerate(row[1:]))])
        for row in [head, *rows]
    ]


def paragraph(text: str, indent: str = "  ") -> str:
    """Text of one failure: broken at spaces, never within an ARN or a name."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def of_roles(
    found: Iterable[RoleEvidence],
    stale: Iterable[str],
    addresses: Mapping[str, str],
    pending: Callable[[RoleEvidence, Row], bool] = lambda *_: False,
) -> Verdict:
    """Granted beside used.

    Parameters
    ----------
    addresses
        Of each role in its Terraform: where a grant is to be removed.
    pending
        Which grants may still be used, and so do not count as unused yet.
    """
    found = list(found)
    rows = []
    for one in found:
        open_ends = sum(1 for row in one.rows if row.opens > 1)
        counts = [len(one.rows), one.count(USED), one.count(EXCUSED), one.count(UNUSED), len(one.ungranted)]
        rows.append([one.role, *map(str, [*counts, open_ends, one.opens])])
    head = ["role", "grants", "used", "reason", "unused", "ungranted", "wildcards", "actions"]
    verdict = Verdict(table(head, rows))
    for one in found:
        place = addresses.get(one.role, "no plan")
        idle: dict[str, list[str]] = {}
        for row in one.rows:
            if row.state == UNUSED and not pending(one, row):
                idle.setdefault(row.grant.statement, []).append(row.grant.action)
        for statement, actions in idle.items():
            verdict.failures.append(
                f"{one.role}, statement {statement}: {', '.join(actions)}: granted, and no call of the last rehearsal "
                f"needed it. Remove it ({place}), or write into policies/{FILE.name} why it stays; if new code needs "
                "it, `make rehearse` shows that."
            )
        for use in one.ungranted:
            verdict.failures.append(
                f"{one.role}: {use.action} on {use.resource} was used in the last rehearsal (statement "
                f"{use.statement}) and nothing grants it any more. Grant it again ({place}), or rehearse without it: "
                "`make rehearse`."
            )
    verdict.failures += stale
    return verdict


def of_network(found: Mapping[str, list[NetworkPath]], idle: Mapping[str, list[str]]) -> Verdict:
    """Every environment's ways out."""
    verdict = Verdict()
    for environment, paths in found.items():
        ways = sum(len(path.ways) for path in paths)
        verdict.lines.append(
            f"  {environment}: {len(paths)} workloads, no route out, {ways} ways to services, all through endpoints"
        )
        if idle[environment]:
            text = f"endpoints that none of them needs: {', '.join(idle[environment])}"
            verdict.lines.append(paragraph(text, "    "))
        verdict.failures += [
            f"{environment}, {path.component.kind} {path.component.name}: {fault} ({path.component.address})"
            for path in paths
            for fault in path.faults
        ]
    if not found or not all(found.values()):
        verdict.failures.append("no workload was found in an environment, so nothing about its network is proved")
    return verdict
