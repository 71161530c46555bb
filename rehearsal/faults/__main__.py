"""``python -m rehearsal.faults [drill...]``: break things on the embedded AWS under load, and say what happened.

Exit codes: 0 everything held, 1 a drill found something that did not, 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.faults import abuse, functions, serving
from rehearsal.faults.errors import DrillError
from rehearsal.faults.table import page, summary
from rehearsal.faults.world import SPEED, world

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rehearsal.faults.drill import Row
    from rehearsal.faults.world import World

DRILLS: dict[str, Callable[[World], Row]] = {
    "server-killed": serving.server_killed,
    "instance-gone": serving.instance_gone,
    "server-hangs": serving.server_hangs,
    "slow-responses": serving.slow_responses,
    "errors-burst": serving.errors_burst,
    "throttled": serving.throttled,
    "queue-full": abuse.queue_full,
    "malformed": abuse.malformed,
    "deploy": abuse.deploy,
    "function-throttled-a-little": functions.throttled_a_little,
    "function-throttled": functions.throttled_wholly,
    "storage-slow": functions.storage_slow,
    "storage-silent": functions.storage_silent,
    "capture-slow": functions.capture_slow,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("drills", nargs="*", metavar="drill", help=f"one of {', '.join(DRILLS)}; default: all")
    parser.add_argument("--out", type=Path, help="Markdown file that gets the table")
    parser.add_argument("--speed", type=float, default=SPEED, help="the embedded AWS's speed (default: %(default)g)")
    options = parser.parse_args(argv)
    unknown = [name for name in options.drills if name not in DRILLS]
    if unknown:
        parser.error(f"drill {unknown[0]!r}: there is none of that name; known: {', '.join(DRILLS)}")
    if options.speed <= 0:
        parser.error(f"speed {options.speed:g}: give a number above 0; 1 is as slow as AWS")
    if options.out and not options.out.parent.is_dir():
        parser.error(f"out {options.out}: the folder {options.out.parent} does not exist; make it, or name another")
    try:
        rows, broken = run(options.drills or list(DRILLS), options.speed)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written\n")
        return 130
    text = page(rows, options.speed)
    if options.out and not broken:
        options.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    for line in broken:
        sys.stderr.write(f"{line}\n")
    return 1 if broken else 0


def run(names: Sequence[str], speed: float) -> tuple[list[Row], list[str]]:
    """Carry out drills one after another; return their rows, and what did not hold."""
    rows, broken = [], []
    with tempfile.TemporaryDirectory(prefix="slipway-drills-") as folder, world(Path(folder), speed) as made:
        for number, name in enumerate(names, 1):
            sys.stderr.write(f"[{number}/{len(names)}] {name} ...\n")
            sys.stderr.flush()
            begun = time.monotonic()
            try:
                row = DRILLS[name](made)
            except DrillError as error:
                broken.append(f"{name}: {error}")
                sys.stderr.write(f"      FAILED: {error}\n")
                continue
            rows.append(row)
            sys.stderr.write(f"      {summary(row)}, {time.monotonic() - begun:.0f} s\n")
    return rows, broken


if __name__ == "__main__":
    sys.exit(main())
