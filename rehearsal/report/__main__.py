"""``python -m rehearsal.report RUN_DIR``: write the report of a run that has already been recorded."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rehearsal.report import write_report


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report; returns 0, or exits with 2 when the folder holds no run."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.report", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="folder of a rehearsal")
    parser.add_argument("--out", type=Path, help="file to write (default: RUN_DIR/report.html)")
    options = parser.parse_args(argv)
    if not options.run.is_dir():
        parser.error(f"RUN_DIR = {str(options.run)!r}: name the folder of a rehearsal, such as .slipway/rehearsal")
    print(write_report(options.run, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
