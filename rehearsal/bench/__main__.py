"""``python -m rehearsal.bench [group...]``: measure the groups, print their tables, say which goals were reached.

Exit codes: 0 every measured goal is met, 1 one is missed or a measurement failed, 2 wrong arguments or settings.
ROUNDS (environment) sets how many turns each measurement takes.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING

from rehearsal.bench import row
from rehearsal.run import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rehearsal.bench.row import Row

GROUPS = ("own", "serving", "int8", "decode", "data", "coldstart", "embedded", "training", "locust")
"""Modules of this package, in the order in which they are run and printed."""

QUIET = 0.5
"""Load average per core above which others are at work."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("groups", nargs="*", metavar="group", help=f"one of {', '.join(GROUPS)}; default: all")
    wanted = parser.parse_args(argv).groups or GROUPS
    try:
        for name in wanted:
            if name not in GROUPS:
                raise row.BenchError(f"group {name!r}: there is no such group; known: {', '.join(GROUPS)}")
        row.rounds()
    except row.BenchError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    say(f"measured {now()}, ROUNDS={row.rounds()}")
    for line in busy(os.getloadavg()[0], os.cpu_count() or 1):
        say(line)
    found: dict[str, list[Row]] = {}
    failed = False
    for name in GROUPS:
        if name not in wanted:
            continue
        try:
            found[name] = importlib.import_module(f"{__package__}.{name}").rows(note)
        except Exception as error:  # whatever it is, the others are still worth having
            failed = True
            sys.stderr.write(f"bench: group {name} failed: {type(error).__name__}: {error}\n")
            continue
        say(table(name, found[name]))
    lines, code = verdict(found)
    for line in lines:
        say(line)
    return 1 if failed else code


def table(name: str, rows: Sequence[Row]) -> str:
    """One group as Markdown."""
    lines = [f"\n### {name}\n", "| what | measured | goal | |", "| --- | --- | --- | --- |"]
    for line in rows:
        # A reason why something was not measured may be many lines of a log.
        measured = " ".join(line.measured.replace("|", "/").split())[:400]
        lines.append(f"| {line.what} | {measured} | {line.goal} | {line.verdict} |")
    return "\n".join(lines)


def verdict(found: Mapping[str, Sequence[Row]]) -> tuple[list[str], int]:
    """What to say at the end, and the exit code."""
    goals = [(name, line) for name, rows in found.items() for line in rows if line.goal]
    missed = [
        f"missed ({name}): {line.what}: {line.measured}, goal {line.goal}" for name, line in goals if line.met is False
    ]
    unknown = [f"not measured ({name}): {line.what}" for name, line in goals if line.met is None]
    met = len(goals) - len(missed) - len(unknown)
    counts = f"\n{met} of {len(goals)} goals met, {len(missed)} missed, {len(unknown)} not measured"
    return [counts, *missed, *unknown], 1 if missed else 0


def busy(load: float, cores: int) -> list[str]:
    """A warning where the machine is not quiet."""
    if load <= QUIET * cores:
        return []
    return [
        f"warning: the machine is not quiet (load average {load:.1f} on {cores} cores): seconds are too long, ratios "
        "are less certain; measure again when nothing else runs"
    ]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Progress, apart from the tables."""
    sys.stderr.write(f"bench: {text} ...\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
