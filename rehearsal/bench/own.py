"""The seconds that a person waits: synth, the embedded AWS's start, a set-up with nothing to do, the last rehearsal."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rehearsal.aws.client import EmbeddedAws
from rehearsal.bench.row import Note, Row, at_most, fact, interleaved, rounds
from rehearsal.run import DEFAULT_FOLDER
from terraform.command import ROOT


def rows(note: Note) -> list[Row]:
    goals = {
        "synth of all environments": (synth, 4.0),
        "embedded AWS: start to first answer": (embedded_aws, 2.0),
        "`make setup` with nothing to do": (setup_again, 2.0),
    }
    note("synth, start of the embedded AWS, set-up")
    taken = interleaved(rounds(), {name: measure for name, (measure, _goal) in goals.items()})
    return [at_most(name, taken[name], goal, "s") for name, (_measure, goal) in goals.items()] + last_rehearsal()


def synth() -> float:
    return timed([sys.executable, "-m", "terraform.stacks.synth", "--check"])


def setup_again() -> float:
    return timed(["make", "setup"])


def embedded_aws() -> float:
    """Seconds from starting the process until a call has been answered."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        with EmbeddedAws.start(Path(folder)) as aws:
            aws.client("sts").get_caller_identity()
            return time.perf_counter() - begin


def timed(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def last_rehearsal() -> list[Row]:
    """The stages of the last rehearsal in this clone, if there was one."""
    records = [json.loads(path.read_text()) for path in sorted((DEFAULT_FOLDER / "stages").glob("*.json"))]
    if not records:
        return [Row("stages of the last rehearsal", "none has run in this clone: `make rehearse`")]
    stages = [fact(f"last rehearsal: {record['name']}", record["seconds"], "s") for record in records]
    return [*stages, fact("last rehearsal: all stages", sum(record["seconds"] for record in records), "s")]
