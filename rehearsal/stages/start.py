"""Start the embedded AWS, on a free loopback port or on the state that an earlier run left."""

from __future__ import annotations

import time

from rehearsal.run import REGION, Run
from rehearsal.stages import Note, Outcome


def perform(run: Run, note: Note) -> Outcome:
    note("waiting for the first answer")
    begin = time.monotonic()
    aws = run.start_aws()
    identity = aws.client("sts").get_caller_identity()
    seconds = time.monotonic() - begin
    evidence = f"account {identity['Account']} in {REGION} answers at {aws.endpoint}"
    return evidence, {"endpoint": aws.endpoint, "seconds": seconds, "speed": run.options.speed}
