"""`python -m training.monitoring baseline|analyze|calibration`: what was at training, and how captures compare."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import InputError
from training.monitoring import calibration_command, command, drift

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    0 when done, 1 when data cannot be had, 2 when an argument or a baseline is wrong, 3 with `--fail-on-alarm` when
    there are alarms.
    """
    arguments = _parser().parse_args(argv)
    try:
        result: int = arguments.run(arguments)
        return result
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except command.unavailable() as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; no report was written\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.monitoring", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _baseline(commands.add_parser("baseline", help="write statistics.json and constraints.json from training rows"))
    _analyze(commands.add_parser("analyze", help="compare captured requests with a baseline"))
    _calibration(commands.add_parser("calibration", help="are captured probabilities still what they say?"))
    return parser


def _baseline(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=command.baseline)
    parser.add_argument("--rows", type=Path, help="training rows: CSV with a header, or JSON Lines of objects")
    parser.add_argument("--images", type=Path, help="instead: a folder of training pictures")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two files")
    parser.add_argument("--drop", default="", metavar="A,B", help="columns that requests do not carry, as the label")
    parser.add_argument("--categorical", default="", metavar="A,B", help="columns of numbers that name categories")


def _analyze(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=command.analyze)
    _captures(parser, "folder with statistics.json and constraints.json")
    found = parser.add_argument_group("what is an alarm")
    found.add_argument("--alpha", type=float, default=drift.ALPHA, help="chance of a false alarm (%(default)s)")
    found.add_argument("--correction", choices=("holm", "benjamini-hochberg", "none"), default="holm")
    found.add_argument("--test", choices=("cramer-von-mises", "ks"), default="cramer-von-mises", help="for numbers")
    found.add_argument("--fail-on-alarm", action="store_true", help="exit with 3 when there are alarms")
    labels = parser.add_argument_group("ground truth")
    labels.add_argument("--labels", help="folder, file or s3:// location of ground truth files")
    labels.add_argument("--task", choices=("classification", "regression"), default="classification")
    labels.add_argument("--prediction", help="column of the answer with the class or number: a name, or a position")
    labels.add_argument("--probabilities", default="", metavar="COLUMN=CLASS,...", help="columns with probabilities")
    labels.add_argument("--other", metavar="CLASS", help="the other class when one probability stands for two")
    labels.add_argument("--facet", help="favoured group, such as sex=male or age>=40: adds bias metrics")
    labels.add_argument("--group", metavar="COLUMN", help="column that conditions the demographic disparity")
    labels.add_argument("--positive", default="1", metavar="CLASS", help="class that is wished for (default: 1)")
    other = parser.add_argument_group("also")
    other.add_argument("--attributions", type=Path, nargs=2, metavar=("TRAINING", "NOW"), help="JSON: feature to score")
    other.add_argument("--endpoint", default="local", help="dimension of the metrics (default: %(default)s)")


def _calibration(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=calibration_command.run)
    _captures(parser, "calibration_baseline.json of the model's archive")
    parser.add_argument("--labels", help="folder, file or s3:// location of ground truth files")
    parser.add_argument("--alpha", type=float, default=drift.ALPHA, help="chance of a false alarm (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated labels (%(default)s)")
    parser.add_argument("--fail-on-alarm", action="store_true", help="exit with 3 when there are alarms")
    parser.add_argument("--endpoint", default="local", help="dimension of the metrics (default: %(default)s)")


def _captures(parser: argparse.ArgumentParser, baseline: str) -> None:
    where = parser.add_argument_group("what to read")
    where.add_argument("--captures", required=True, help="folder, file, or s3://bucket/prefix/endpoint/variant/")
    where.add_argument("--baseline", type=Path, required=True, help=baseline)
    where.add_argument("--out", type=Path, required=True, help="folder for the report")
    where.add_argument("--start", help="first moment of the window, such as 2026-11-21T13:00:00Z")
    where.add_argument("--end", help="first moment after the window")
    where.add_argument("--late-hours", type=float, default=1, help="how late captures may reach S3 (default: 1)")
    where.add_argument("--state", type=Path, help="folder that remembers between runs what was read: late comers count")


if __name__ == "__main__":
    sys.exit(main())
