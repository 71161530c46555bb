"""`python -m training.data COMMAND`: everything between an archive or a bucket and what a training job reads."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from training.data.commands import augment, check, manifest, stage
from training.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (stage, check, augment, manifest)

_OF_THE_WORLD = frozenset({"url", "archive", "source"})
"""Fields of errors that no argument is to blame for: an option that is wrong exits as argparse does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when done, 1 when data is wrong or cannot be had, 2 when the arguments are wrong."""
    arguments = _parser().parse_args(argv)
    try:
        summary = arguments.run(arguments)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1 if error.field in _OF_THE_WORLD else 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing half written was left behind\n")
        return 130
    sys.stdout.write(json.dumps(summary) + "\n")
    return 1 if summary.get("wrong") else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.data", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
