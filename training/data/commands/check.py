"""`check`: what is wrong with images, their labels, or a manifest, before anything is staged or trained."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.data import places
from training.data.commands.arguments import positive
from training.data.intake.check import check
from training.data.intake.image import MOST_PIXELS
from training.data.manifests import check as manifests
from training.data.progress import reporter
from training.data.upload import explained, parse_location

if TYPE_CHECKING:
    import argparse

    from training.data.intake.check import Trouble

_MANIFESTS = (".manifest", ".jsonl")


def add(commands: Any) -> None:
    """Describe the command and its arguments."""
    command = commands.add_parser("check", help="say what is wrong with images or a manifest", description=__doc__)
    command.add_argument("source", help="folder, zip, tar or s3://bucket/prefix of images; or a .manifest")
    command.add_argument("--classes", help="comma-separated class names there may be (default: any)")
    command.add_argument(
        "--most-pixels", type=positive, default=MOST_PIXELS, help=f"of an image (default {MOST_PIXELS})"
    )
    command.add_argument("--fix", type=Path, help="new folder for what is good and for what can be mended safely")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Check as the parsed arguments say, a line per finding; what was found in numbers."""
    classes = tuple(arguments.classes.split(",")) if arguments.classes else None
    if arguments.source.endswith(_MANIFESTS):
        return dataclasses.asdict(_manifest(arguments.source, classes))
    report = check(
        places.find(arguments.source),
        _tell,
        classes=classes,
        most_pixels=arguments.most_pixels,
        fix=arguments.fix,
        progress=reporter("checking"),
    )
    return {
        **dataclasses.asdict(report),
        "kinds": dict(sorted(report.kinds.items())),
        "wrong": sum(report.kinds.values()),
    }


def _manifest(source: str, classes: tuple[str, ...] | None) -> manifests.Checked:
    if not source.startswith("s3://"):
        return manifests.check(Path(source), classes)
    import boto3  # noqa: PLC0415  files need no AWS

    bucket, prefix = parse_location(source, "source")
    with explained("source", source):
        body = boto3.client("s3").get_object(Bucket=bucket, Key=prefix.rstrip("/"))["Body"]
        lines = (line.decode("utf-8", "replace") for line in body.iter_lines())
        return manifests.check_lines(lines, source, classes)


def _tell(trouble: Trouble) -> None:
    sys.stderr.write(trouble.line() + "\n")
