"""`augment`: many versions of every training image, in a folder beside them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.data.augment import policy
from training.data.augment.folder import augment
from training.data.augment.settings import FORMATS, Settings
from training.data.commands.arguments import positive, seed
from training.data.progress import reporter
from training.serving.cores import usable

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Describe the command and its arguments."""
    command = commands.add_parser("augment", help="make many versions of each training image", description=__doc__)
    command.add_argument("--source", required=True, type=Path, help="a staged dataset, or a folder of class folders")
    command.add_argument("--out", type=Path, help="folder of the versions (default: augmented/ beside the classes)")
    command.add_argument("--copies", type=positive, default=100, help="versions of each image (default 100)")
    command.add_argument("--seed", type=seed, default=7, help="of the versions (default 7)")
    command.add_argument("--jobs", type=positive, help="processes (default: the cores there are)")
    command.add_argument("--policy", type=Path, help='JSON object with ranges that differ, as {"rotate": [-10, 10]}')
    command.add_argument("--format", choices=FORMATS, default="jpg", help="of the versions (default jpg)")
    command.add_argument("--quality", type=positive, default=95, help="of JPEG files, 1 to 100 (default 95)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Make the versions as the parsed arguments say, and return what was done."""
    ranges = policy.Policy() if arguments.policy is None else policy.read(arguments.policy)
    settings = Settings(arguments.copies, arguments.seed, ranges, arguments.format, arguments.quality)
    jobs = arguments.jobs or usable()
    done = augment(arguments.source, arguments.out, settings, jobs=jobs, progress=reporter("augmenting"))
    return dataclasses.asdict(done)
