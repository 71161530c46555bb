"""``make bench``: measure what the project promises about its own speed, and print it as rows for docs/benchmarks.md.

Each figure is the median of several runs, and the measured things take turns, so that a busy moment on the machine
touches them all alike.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rehearsal.aws.client import EmbeddedAws
from rehearsal.run import DEFAULT_FOLDER, now
from terraform.command import ROOT

ROUNDS = 5


def main() -> None:
    rows: dict[str, tuple[Callable[[], float], float]] = {
        "synth of all environments": (synth, 4.0),
        "embedded AWS: start to first answer": (embedded_aws, 2.0),
        "`make setup` with nothing to do": (setup_again, 2.0),
    }
    taken: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(ROUNDS):
        for name, (measure, _goal) in rows.items():
            taken[name].append(measure())
    print(f"measured {now()}, median of {ROUNDS}\n")
    print("| what | seconds | goal |\n| --- | --- | --- |")
    for name, (_measure, goal) in rows.items():
        print(f"| {name} | {statistics.median(taken[name]):.2f} | <= {goal:g} |")
    for line in last_rehearsal():
        print(line)


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


def last_rehearsal() -> list[str]:
    """The stages of the last rehearsal in this clone, if there was one."""
    records = [json.loads(path.read_text()) for path in sorted((DEFAULT_FOLDER / "stages").glob("*.json"))]
    if not records:
        return ["", "no rehearsal has run in this clone: `make rehearse` adds the seconds of its stages here"]
    lines = ["", "| stage of the last rehearsal | seconds |", "| --- | --- |"]
    lines += [f"| {record['name']} | {record['seconds']:.1f} |" for record in records]
    return [*lines, f"| all | {sum(record['seconds'] for record in records):.1f} |"]


if __name__ == "__main__":
    main()
