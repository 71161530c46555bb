"""The images of a training channel, those that are held out beside it, and the lists that name its files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.data import AUGMENTED, boxes, layout
from training.data.augment.ledger import Source
from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

ANNOTATIONS = boxes.FILE
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
_HELD_OUT = ("validation", "test")


@dataclass(frozen=True, slots=True)
class Channel:
    """Where training images lie.

    Attributes
    ----------
    folder
        Holds class folders, or images and `annotations.jsonl`.
    dataset
        The staged dataset it is part of; None where it stands alone.
    """

    folder: Path
    dataset: Path | None


def find(source: Path) -> Channel:
    """The training channel of a staged dataset, or the folder itself.

    Raises
    ------
    DataError
        There is no such folder.
    """
    if not source.is_dir():
        raise DataError("--source", str(source), "there is no such folder; stage a dataset first, or name one you have")
    if (source / layout.DESCRIPTION).is_file() and (source / "train").is_dir():
        return Channel(source / "train", source)
    if source.name in _HELD_OUT and (source.parent / layout.DESCRIPTION).is_file():
        raise DataError("--source", str(source), "judges the model and is never augmented; name the dataset's folder")
    staged = source.name == "train" and (source.parent / layout.DESCRIPTION).is_file()
    return Channel(source, source.parent if staged else None)


def sources(channel: Channel, out: Path) -> Iterator[Source]:
    """The images of the channel, in no order; `out` may lie among them and is left out.

    Raises
    ------
    DataError
        A line of `annotations.jsonl` is wrong or names no file.
    """
    annotations = channel.folder / ANNOTATIONS
    if annotations.is_file():
        yield from _boxed(channel, annotations)
        return
    for folder in _entries(channel.folder):
        if not folder.is_dir() or Path(folder.path).resolve() == out.resolve() or folder.name == AUGMENTED:
            continue
        for entry in _entries(folder.path):
            if entry.is_file() and Path(entry.name).suffix.lower() in SUFFIXES:
                status = entry.stat()
                yield Source(f"{folder.name}/{entry.name}", status.st_size, status.st_mtime_ns, None)


def _boxed(channel: Channel, annotations: Path) -> Iterator[Source]:
    described = channel.folder / layout.DESCRIPTION
    classes = len(json.loads(described.read_bytes())["classes"]) if described.is_file() else None
    for number, (name, found) in enumerate(boxes.each(annotations, classes), start=1):
        where = f"{annotations}, line {number}, file"
        if name != Path(name).name:
            raise DataError(where, name, "must be the name of a file beside the annotations, without a folder")
        try:
            status = (channel.folder / name).stat()
        except FileNotFoundError:
            raise DataError(where, name, "there is no such image; remove the line or bring the image") from None
        yield Source(name, status.st_size, status.st_mtime_ns, json.dumps(found))


def held_out(channel: Channel) -> Iterator[tuple[str, str]]:
    """SHA-256 and path of every validation and test image of the dataset."""
    if channel.dataset is None:
        return
    for part in _HELD_OUT:
        for folder, _, names in os.walk(channel.dataset / part):
            for name in names:
                if Path(name).suffix.lower() in SUFFIXES:
                    path = Path(folder, name)
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    yield digest, path.relative_to(channel.dataset).as_posix()


def enter(dataset: Path, out: Path, *lists: Iterable[tuple[str, str]]) -> None:
    """Enter path and SHA-256 of what is below `out` into the list by which the dataset is uploaded; former ones go."""
    prefix = out.relative_to(dataset).as_posix() + "/"
    listed = dataset / layout.CHECKSUMS
    partial = listed.with_name(f".{listed.name}.{os.getpid()}.part")
    with listed.open(encoding="utf-8") as before, partial.open("w", encoding="utf-8") as after:
        after.writelines(line for line in before if not line.partition("  ")[2].startswith(prefix))
        for files in lists:
            after.writelines(f"{digest}  {prefix}{path}\n" for path, digest in files)
    partial.replace(listed)


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries
