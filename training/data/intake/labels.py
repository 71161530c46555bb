"""What a data set says of its images: by its folders, or in `labels.csv`."""

from __future__ import annotations

import csv
import io
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.data.places import Place

FILE = "labels.csv"
SPLIT_FOLDERS = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}


class Label(NamedTuple):
    """What is said of one image: class, group and split; empty where nothing is said."""

    label: str
    group: str = ""
    split: str = ""


def by_folder(path: str) -> Label:
    """Class and split of `[<split>/]<class>/<file>`."""
    folders = list(PurePosixPath(path).parts[:-1])
    split = SPLIT_FOLDERS.get(folders[0].lower(), "") if folders else ""
    if split:
        folders = folders[1:]
    return Label(folders[-1] if folders else "", split=split)


def by_table(place: Place) -> Mapping[str, Label] | None:
    """Labels by path as `labels.csv` at the top has them; None where there is no such file.

    Raises
    ------
    DataError
        It has no columns file and label, or names a file twice.
    """
    if FILE not in place.paths:
        return None
    ((_, content),) = place.read([FILE])
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
    if not {"file", "label"} <= set(reader.fieldnames or ()):
        raise DataError(
            FILE, ",".join(reader.fieldnames or ()), "needs the columns file and label; group and split if wanted"
        )
    found: dict[str, Label] = {}
    for number, row in enumerate(reader, start=2):
        file = (row["file"] or "").strip()
        if file in found:
            raise DataError(f"{FILE}, line {number}, file", file, "stands in the table twice; keep one row per image")
        group, split = ((row.get(name) or "").strip() for name in ("group", "split"))
        if split and split.lower() not in SPLIT_FOLDERS:
            raise DataError(f"{FILE}, line {number}, split", split, "must be train, validation or test")
        found[file] = Label((row["label"] or "").strip(), group, SPLIT_FOLDERS.get(split.lower(), ""))
    return found
