"""``make prove``: the evidence, or what is missing from it.

What the roles are granted comes from the Terraform that lies here, planned without AWS, and so do the networks. What
they used, and what their forbidden calls were answered, comes from the last rehearsal; where it ran other code than
this, one is run first. So a grant too many is told within a minute, and never by a rehearsal that knew nothing of it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from policies.plan import Plan, UnreadableError
from policies.resolve import ResolveError
from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.drive import FORESEEN, rehearse
from rehearsal.keeping import server_of
from rehearsal.prove import freshness, sides, verdict
from rehearsal.prove.calls import undecided
from rehearsal.prove.forbidden.outcome import faults, read_outcome
from rehearsal.prove.lint import lint
from rehearsal.prove.network import idle_endpoints, paths
from rehearsal.prove.pages import pages, stale
from rehearsal.prove.reasons import ReasonError, read_reasons
from rehearsal.prove.roles import roles
from rehearsal.prove.used import EvidenceError, uses
from rehearsal.run import DEFAULT_FOLDER, Options, RehearsalError, relative

PROVED, NOT_PROVED, NO_ANSWER = 0, 1, 2
UNDECIDABLE = (EvidenceError, PolicyEvaluationError, ReasonError, ResolveError, UnreadableError)


def main(arguments: list[str] | None = None) -> int:
    """Prove; returns 0 when everything holds, 1 when something does not, 2 when nobody can say."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.prove", description=__doc__)
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where the last rehearsal was written")
    folder = parser.parse_args(arguments).folder.expanduser().absolute()
    try:
        found = prove(folder)
    except UNDECIDABLE as error:
        print(f"prove: {error}", file=sys.stderr)
        return NO_ANSWER
    except FORESEEN as error:
        print(f"prove: {error}", file=sys.stderr)
        return NO_ANSWER
    for line in found.lines:
        print(line)
    if found.failures:
        print("\nNot proved:", file=sys.stderr)
        for failure in found.failures:
            print(verdict.paragraph(failure), file=sys.stderr)
        return NOT_PROVED
    print("\nproved")
    return PROVED


def prove(folder: Path) -> verdict.Verdict:
    """Everything, with a rehearsal first where there is none that speaks for this code."""
    workload = freshness.workload(folder) or Options().workload
    plans = sides.rehearsed_plans(workload)
    ensure_rehearsal(folder, workload, freshness.why_not(folder, freshness.code_fingerprint()))
    found = of_roles(folder, plans)
    if not found.failures and not freshness.same_documents(folder, plans):
        ensure_rehearsal(folder, workload, "other policies decided in it than those that lie here")
        found = of_roles(folder, plans)
    if found.failures:  # to tell them soon is worth more than to tell all: the rest plans every environment
        return found + verdict.Verdict(["Networks, forbidden calls and linters are looked at when this holds."])
    return found + of_forbidden(folder) + of_plans() + of_linters(plans)


def ensure_rehearsal(folder: Path, workload: str, reason: str) -> None:
    """Rehearse where there is a reason to; RehearsalError when that fails, or would end one that was left up."""
    if not reason:
        return
    if server_of(folder):
        raise RehearsalError(
            f"the last rehearsal does not count ({reason}), and its embedded AWS is still up: "
            "`make rehearse STAGE=destroy` ends it in order, `make stop` puts it aside"
        )
    print(f"The last rehearsal does not count: {reason}. Rehearsing (5 minutes).\n", flush=True)
    if not rehearse(folder, Options(workload=workload)):
        raise RehearsalError(f"the rehearsal failed, so nothing is proved: see {relative(folder)}/report.html")


def of_roles(folder: Path, plans: list[Plan]) -> verdict.Verdict:
    """Granted minus used and used minus granted."""
    reasons = read_reasons()
    found = sides.compared(plans, folder / "aws" / "uses.jsonl", reasons)
    addresses = {role.name: f"{role.origin}: {role.address}" for role in roles(plans).values()}
    told = verdict.of_roles(found, sides.stale_reasons(found, reasons), addresses)
    told.failures += undecided(folder / "aws" / "calls.jsonl", uses(folder / "aws" / "uses.jsonl"))
    return verdict.Verdict(["Roles: what they are granted, and what the last rehearsal used", *told.lines, ""]) + (
        verdict.Verdict([], told.failures)
    )


def of_forbidden(folder: Path) -> verdict.Verdict:
    """What the last rehearsal's forbidden calls were answered."""
    record = read_outcome(folder)
    told = f"  {record['calls']:,} refused, in the name of {len(record['roles'])} roles"
    line = f"{told}; {record['controls']} beside them allowed"
    return verdict.Verdict(["Forbidden calls of the last rehearsal", line, ""], faults(record))


def of_plans() -> verdict.Verdict:
    """Every environment's ways out, and the pages that tell of all this."""
    plans = sides.every_environment()
    found = {name: paths(plan, roles([plan])) for name, plan in plans.items()}
    idle = {name: idle_endpoints(plan, found[name]) for name, plan in plans.items()}
    told = verdict.of_network(found, idle)
    old = stale(pages(sides.rehearsed_plans(), plans))
    failures = [*told.failures, *(f"{name} is stale: `make docs`, and review what changed" for name in old)]
    return verdict.Verdict(["Networks: where functions, jobs and endpoints can go", *told.lines], failures)


def of_linters(rehearsed: list[Plan]) -> verdict.Verdict:
    """What other people's linters say of the same policies."""
    told = lint(rehearsed)
    return verdict.Verdict(["", "Policies: what linters find in them", *told.lines], told.failures)


if __name__ == "__main__":
    sys.exit(main())
