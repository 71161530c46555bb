"""The owner prepares the account, once: the pipeline's roles, the permissions boundary, people.

The rest of the bootstrap (the state bucket) is applied during the next stage, which does not need it.
"""

from __future__ import annotations

from rehearsal.account import Bootstrap
from rehearsal.actors import PEOPLE, SUBJECTS, Name, actor, sign_up
from rehearsal.run import Run
from rehearsal.stages import Note, Outcome


def perform(run: Run, note: Note) -> Outcome:
    account = Bootstrap(run)
    note("terraform apply")
    applied = account.apply_roles(note)
    note("signing people up")
    sign_up(run)
    by_type = account.resources()
    pipeline: tuple[Name, ...] = ("deploy", "plan")
    arns = {name: actor(run, name).client("sts").get_caller_identity()["Arn"] for name in pipeline}
    evidence = f"{sum(by_type.values())} resources, {' and '.join(SUBJECTS)} sign in with GitHub's claims"
    return evidence, {
        "resources": sum(by_type.values()),
        "by_type": by_type,
        "apply_seconds": applied.seconds,
        "pipeline": arns,
        "people": PEOPLE,
    }
