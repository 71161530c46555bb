"""``python -m rehearsal.aws``: start the embedded AWS on a loopback port."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and serve. Exit status 2 for anything the caller can put right."""
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.aws",
        description="An AWS that lives on this machine. Prints one JSON line with its endpoint when it is ready.",
    )
    parser.add_argument("--root", type=Path, required=True, help="folder for logs, calls.jsonl, function code and jobs")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (the default) takes a free one")
    parser.add_argument("--account", default="123456789012", help="twelve digits (default: %(default)s)")
    parser.add_argument("--region", default="eu-west-1", help="default: %(default)s")
    parser.add_argument(
        "--speed", type=float, default=20.0, help="waits that AWS counts in minutes are divided by this (default: 20)"
    )
    parser.add_argument("--state", type=Path, help="file to restore from, and to save to on a clean stop")
    parser.add_argument(
        "--iam",
        choices=("off", "log", "enforce"),
        default="off",
        help="decide calls by policy; log: denials.jsonl only",
    )
    parser.add_argument("--stop-with-parent", action="store_true", help="end when standard input is closed")
    args = parser.parse_args(argv)

    from rehearsal.aws.server import PortTakenError, serve
    from rehearsal.aws.state import StateFileError

    try:
        serve(
            args.root,
            port=args.port,
            account_id=args.account,
            region=args.region,
            speed=args.speed,
            state=args.state,
            stop_with_parent=args.stop_with_parent,
            iam=args.iam,
        )
    except (PortTakenError, StateFileError, ValueError, OSError) as error:
        print(f"rehearsal.aws: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
