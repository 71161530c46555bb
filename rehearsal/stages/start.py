"""Start the embedded AWS, on a free loopback port or on the state that an earlier run left."""

from __future__ import annotations

import time

from rehearsal.aws.client import EmbeddedAws
from rehearsal.inventory import inventory
from rehearsal.run import ACCOUNT, REGION, Run
from rehearsal.stages import Note, Outcome


def perform(run: Run, note: Note) -> Outcome:
    note("waiting for the first answer")
    begin = time.monotonic()
    run.aws = EmbeddedAws.start(
        run.aws_root,
        account_id=ACCOUNT,
        region=REGION,
        speed=run.options.speed,
        state=run.aws_state,
        detached=run.options.keep,
    )
    identity = run.aws.client("sts").get_caller_identity()
    seconds = time.monotonic() - begin
    note("inventory of the empty account")
    evidence = f"account {identity['Account']} in {REGION} answers at {run.aws.endpoint}"
    return evidence, {
        "endpoint": run.aws.endpoint,
        "seconds": seconds,
        "speed": run.options.speed,
        "inventory": inventory(run.aws),
    }
