"""`stage`: a workload's images into a folder, and on into its bucket."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.data import folders, layout, places, upload
from training.data.augment.folder import augment
from training.data.augment.settings import Settings
from training.data.commands.arguments import count, positive, seed
from training.data.fetch import default_cache
from training.data.progress import reporter
from training.data.splits import Shares, split
from training.errors import DataError
from training.serving.cores import usable
from training.workloads import spec
from training.workloads.description import DETECTION

if TYPE_CHECKING:
    import argparse

    from training.data.records import Records
    from training.workloads.description import Workload


def add(commands: Any) -> None:
    """Describe the command and its arguments."""
    command = commands.add_parser("stage", help="prepare a workload's images", description=__doc__)
    command.add_argument("--workload", required=True, help="name of a folder under training/workloads")
    command.add_argument("--source", help="a data option of the workload, or folder (default: as workload.yaml says)")
    command.add_argument("--out", required=True, type=Path, help="folder to write; replaced if it is a staged dataset")
    command.add_argument("--bucket", help="s3://bucket[/prefix]: also upload, to <workload>/dataset/ below it")
    command.add_argument("--classes", help="comma-separated class names (default: those of the workload or source)")
    command.add_argument("--per-class", type=positive, help="images per class over all splits (default: all)")
    command.add_argument("--validation-share", type=float, default=0.2, help="of the non-test images (default 0.2)")
    command.add_argument("--test-share", type=float, default=0.2, help="of all, where the source has no test set")
    command.add_argument(
        "--drop-near-duplicates",
        action="store_true",
        help="keep one of images that differ only in scaling, compression or brightness",
    )
    command.add_argument("--seed", type=seed, default=7, help="of the drawing and the split (default 7)")
    command.add_argument("--cache", type=Path, help="folder for downloads (default: SLIPWAY_CACHE or the user's cache)")
    command.add_argument(
        "--archive", type=Path, help="what you have already: an archive, a folder, or s3://bucket/prefix"
    )
    command.add_argument(
        "--copies",
        type=count,
        help="augmented versions of each training image, 0 for none (default: as workload.yaml says)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Stage a dataset as the parsed arguments say, and return what was done."""
    workload = spec.load(arguments.workload)
    source = arguments.source or workload.data.default
    if source not in {*workload.data.options, folders.SOURCE}:
        known = ", ".join([*workload.data.options, folders.SOURCE])
        raise DataError("--source", source, f"is no data option of {workload.name}; choose one of {known}")
    target = None if arguments.bucket is None else upload.parse_location(arguments.bucket)
    for name in ("validation_share", "test_share"):
        if not 0 < getattr(arguments, name) < 1:
            raise DataError(f"--{name.replace('_', '-')}", getattr(arguments, name), "must lie between 0 and 1")
    records = _own(arguments, workload) if source == folders.SOURCE else _known(arguments, workload, source)
    shares = Shares(arguments.per_class, arguments.validation_share, arguments.test_share)
    near, comparing = arguments.drop_near_duplicates, reporter("comparing images")
    splits, left_out = split(records, shares, arguments.seed, near=near, progress=comparing)
    description = layout.describe(records, splits, workload=workload.name, seed=arguments.seed, left_out=left_out)
    layout.write(arguments.out, records, splits, description, progress=reporter("writing images"))
    summary: dict[str, object] = {"out": str(arguments.out), **description}
    usual = 0 if workload.data.augmentation is None else workload.data.augmentation.copies
    copies = usual if arguments.copies is None else arguments.copies
    if copies:
        settings = Settings(copies, arguments.seed)
        done = augment(arguments.out, None, settings, jobs=usable(), progress=reporter("augmenting"))
        summary["augmented"] = {"copies": copies, "versions": done.versions}
    if target is not None:
        summary["upload"] = _upload(arguments.out, workload.name, *target)
    return summary


def _known(arguments: argparse.Namespace, workload: Workload, source: str) -> Records:
    """Images of one of the workload's own sources."""
    records: Records = import_module(f"training.workloads.{workload.name}.data").load(
        source,
        classes=tuple(arguments.classes.split(",")) if arguments.classes else None,
        per_class=arguments.per_class,
        seed=arguments.seed,
        cache=arguments.cache or default_cache(),
        archive=arguments.archive,
        progress=reporter(f"{'drawing' if workload.data.options[source].synthetic else 'loading'} {source}"),
    )
    return records


def _own(arguments: argparse.Namespace, workload: Workload) -> Records:
    """Images the user has, as any workload takes them."""
    if arguments.archive is None:
        raise DataError("--archive", None, "must name the folder, zip, tar or s3:// prefix that holds the images")
    classes = tuple(arguments.classes.split(",")) if arguments.classes else workload.data.classes
    image = workload.data.image
    size = folders.Size(image.height, image.width, image.channels)
    boxed = workload.task == DETECTION
    return folders.load(
        places.find(str(arguments.archive)), classes, size, boxed=boxed, progress=reporter("loading images")
    )


def _upload(folder: Path, workload: str, bucket: str, prefix: str) -> dict[str, object]:
    import boto3  # noqa: PLC0415  staging to a folder needs no AWS
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client("s3", config=Config(max_pool_connections=upload.WORKERS, retries={"mode": "standard"}))
    place = upload.Place(client, bucket, f"{prefix}{workload}/dataset/")
    done = upload.upload(folder, place, progress=reporter("uploading"))
    return {"location": done.location, "sent": done.sent, "unchanged": done.unchanged, "removed": done.removed}
