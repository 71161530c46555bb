"""Least privilege and isolation: grants beside uses, forbidden calls by every role, and no way out of the network."""

from __future__ import annotations

from typing import Any

from rehearsal.actors import actor
from rehearsal.prove import freshness, sides, verdict
from rehearsal.prove.calls import undecided
from rehearsal.prove.compare import EXCUSED, UNUSED, USED, RoleEvidence, waits
from rehearsal.prove.forbidden.carry_out import carry_out, neighbour
from rehearsal.prove.forbidden.controls import controls, identities
from rehearsal.prove.forbidden.families import attempts
from rehearsal.prove.forbidden.outcome import RECORD, faults, outcome
from rehearsal.prove.forbidden.sessions import Clients, sessions
from rehearsal.prove.forbidden.world import world
from rehearsal.prove.network import paths
from rehearsal.prove.reasons import read_reasons
from rehearsal.prove.roles import roles
from rehearsal.prove.standing import standing
from rehearsal.prove.used import uses
from rehearsal.run import REGION, RehearsalError, Run, write_json
from rehearsal.stages import Note, Outcome

MOST_TOLD = 20


def perform(run: Run, note: Note) -> Outcome:
    plans = standing(run.terraform)
    known = roles(plans)
    note("granted beside used")
    reasons = read_reasons()
    found = sides.compared(plans, run.aws_root / "uses.jsonl", reasons)
    addresses = {role.name: f"{role.origin}: {role.address}" for role in known.values()}
    # Everything is yet to be taken down: `make prove` counts what was never used at all.
    failures = verdict.of_roles(found, sides.stale_reasons(found, reasons, waits), addresses, waits).failures
    failures += undecided(run.aws_root / "calls.jsonl", uses(run.aws_root / "uses.jsonl"))
    tried = forbidden(run, note)
    write_json(run.folder / RECORD, tried)
    failures += faults(tried)
    ways = paths(plans[0], known)
    failures += [f"{path.component.kind} {path.component.name}: {fault}" for path in ways for fault in path.faults]
    if failures:
        told = [
            *failures[:MOST_TOLD],
            *([f"and {len(failures) - MOST_TOLD} more"] if len(failures) > MOST_TOLD else []),
        ]
        raise RehearsalError("not proved:\n  " + "\n  ".join(told))
    freshness.record(run.folder, plans, run.started)
    rows = [row_of(one) for one in found]
    evidence = (
        f"{len(rows)} roles: {sum(row['used'] for row in rows)} grants used, {sum(row['reason'] for row in rows)} with "
        f"a reason; {tried['calls']:,} forbidden calls refused, {tried['controls']} beside them carried out; "
        f"{len(ways)} workloads, no way out"
    )
    return evidence, {
        "roles": rows,
        "forbidden": tried,
        "network": [
            {
                "kind": path.component.kind,
                "name": path.component.name,
                "ways": [{"service": way.service, "kind": way.kind} for way in path.ways],
                "isolated": path.component.isolated,
            }
            for path in ways
        ],
    }


def forbidden(run: Run, note: Note) -> dict[str, Any]:
    """Try everything that must be refused, with a session of every role, and what must be allowed beside it."""
    note("forbidden calls: a session of every role")
    owner, endpoint = actor(run, "owner"), run.embedded.endpoint
    with neighbour(owner.client, REGION) as stranger:
        around = world(standing(run.terraform), run.options.workload, stranger)
        clients = Clients(endpoint, REGION, sessions(run, around))
        calls = attempts(around)

        def progress(done: int) -> None:
            if done % 50 == 0:
                note(f"forbidden calls: {done} of {len(calls)}")

        answers = carry_out(calls, clients, note=progress)
        allowed = carry_out([*identities(around), *controls(around)], clients, note=lambda _: None, at_once=1)
    return outcome(answers, allowed)


def row_of(one: RoleEvidence) -> dict[str, Any]:
    """One role's row of the report."""
    return {
        "role": one.role,
        "origin": one.origin,
        "grants": len(one.rows),
        "used": one.count(USED),
        "reason": one.count(EXCUSED),
        "unused": one.count(UNUSED),
        "opens": one.opens,
        "patterns": sum(len(row.grant.resources) for row in one.rows),
        "touched": sum(len(row.touched) for row in one.rows),
    }
