"""What the command lines of load tests have in common."""

from __future__ import annotations

import argparse


def parser(program: str, doc: str | None) -> argparse.ArgumentParser:
    """Return a parser for a module: the first line of its docstring above the options, the rest below them."""
    first, _, rest = (doc or "").partition("\n")
    return argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=first,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
