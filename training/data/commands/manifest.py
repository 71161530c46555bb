"""`manifest` and `lst`: lists of images in S3, made from the bucket's listing alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.data.commands.arguments import seed, share
from training.data.progress import counter
from training.data.splits import SPLITS
from training.data.upload import Place, parse_location
from training.errors import DataError

if TYPE_CHECKING:
    import argparse

    from training.data.manifests.sinks import Sink

_MANIFEST = "AugmentedManifest files (JSON Lines with source-ref and labels) for a training job's channels"
_LST = "list files (number, class, path) for the image classification algorithm"


def add(commands: Any) -> None:
    """Describe the commands and their arguments."""
    for name, about in (("manifest", _MANIFEST), ("lst", _LST)):
        text = f"{about}, one per split, from the listing of a bucket; no image is downloaded."
        command = commands.add_parser(name, help=about.partition(" (")[0], description=text)
        command.add_argument("--source", required=True, help="s3://bucket/prefix with a folder per class")
        command.add_argument("--out", required=True, help="folder, or s3://bucket/prefix, for the lists")
        command.add_argument("--classes", help="comma-separated, in the model's order (default: the folders there are)")
        command.add_argument("--group", help="pattern whose first parentheses find what must stay together in a path")
        command.add_argument("--validation-share", type=share, default=0.2, help="of the non-test groups (default 0.2)")
        command.add_argument("--test-share", type=share, default=0.2, help="of all groups (default 0.2)")
        command.add_argument("--only", choices=SPLITS, help="put all into this list: it is one split already")
        command.add_argument("--seed", type=seed, default=7, help="of the split (default 7)")
        if name == "manifest":
            command.add_argument("--boxes", type=Path, help="annotations.jsonl: boxes instead of classes")
        command.set_defaults(run=run, kind=name, boxes=None)


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Write the lists as the parsed arguments say, and return what was counted."""
    from training.data.manifests import build, listing  # noqa: PLC0415  other commands need no AWS
    from training.data.manifests.labels import Boxes  # noqa: PLC0415  as above

    bucket, prefix = parse_location(arguments.source, "--source")
    place = Place(listing.client(), bucket, prefix)
    named = tuple(arguments.classes.split(",")) if arguments.classes else None
    if arguments.boxes is not None and not named:
        raise DataError("--classes", None, "must name the classes whose numbers the boxes have")
    classes = named if arguments.boxes is not None and named else build.classes_of(place, named)
    shares = arguments.validation_share, arguments.test_share
    rules = build.Rules(classes, _pattern(arguments.group), *shares, arguments.seed, arguments.only)
    sinks = _sinks(arguments.out, arguments.kind, place, SPLITS if arguments.only is None else (arguments.only,))
    progress = counter("listing")
    try:
        if arguments.boxes is not None:
            with Boxes(arguments.boxes, len(classes)) as boxes:
                told = build.box(place, rules, boxes, sinks, progress)
        else:
            make = build.classify if arguments.kind == "manifest" else build.listed
            told = make(place, rules, sinks, progress)
    except BaseException:
        for sink in sinks.values():
            sink.drop()
        raise
    for sink in sinks.values():
        sink.finish()
    counts = {part: dict(sorted(told.counts[part].items())) for part in sinks}
    return {"out": arguments.out, "classes": list(classes), "counts": counts, "left_out": dict(told.left_out)}


def _sinks(out: str, suffix: str, source: Place, parts: tuple[str, ...]) -> dict[str, Sink]:
    from training.data.manifests.sinks import Local, Object  # noqa: PLC0415  as above

    if out.startswith("s3://"):
        bucket, prefix = parse_location(out, "--out")
        target = Place(source.client, bucket, prefix)
        return {part: Object(target, f"{part}.{suffix}") for part in parts}
    return {part: Local(Path(out, f"{part}.{suffix}")) for part in parts}


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise DataError("--group", text, f"is no regular expression ({error})") from None
    if pattern.groups < 1:
        raise DataError("--group", text, r"needs parentheses around what names the group, as in (patient\d+)")
    return pattern
