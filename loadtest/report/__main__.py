"""``python -m loadtest.report RESULT``: write the page of a load test that has already been made."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from loadtest.report.page import write_report


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; returns 0, or exits with 2 when there is no result."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.report", description=__doc__)
    parser.add_argument("result", type=Path, metavar="RESULT", help="load.json of a load test")
    parser.add_argument("--capacity", type=Path, help="what `python -m loadtest.capacity --json` wrote about it")
    parser.add_argument("--out", type=Path, help="file to write (default: report.html beside the result)")
    options = parser.parse_args(argv)
    for name, path in (("RESULT", options.result), ("--capacity", options.capacity)):
        if path is not None and not path.is_file():
            parser.error(f"{name} = {str(path)!r}: name a file, such as .slipway/loadtest/load.json")
    print(write_report(options.result, options.capacity, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
