"""`annotations.jsonl`: the boxes of a channel's images, a line per image.

A line is `{"file", "image_size": [{"width", "height", "depth"}], "annotations": [{"class_id", "left", "top", "width",
"height"}]}` in pixels: the body of a bounding-box label of SageMaker Ground Truth
(https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html), beside the file's name.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training.data.records import Box
from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from training.data.records import Records

FILE = "annotations.jsonl"

_HAIR = 1e-6


def line(file: str, width: int, height: int, depth: int, boxes: Iterable[Box]) -> str:
    """One line, without its end."""
    return json.dumps({"file": file, **body(width, height, depth, boxes)}, separators=(",", ":"))


def body(width: int, height: int, depth: int, boxes: Iterable[Box]) -> dict[str, Any]:
    """Ground Truth's bounding boxes of one image."""
    return {
        "image_size": [{"width": width, "height": height, "depth": depth}],
        "annotations": [
            {
                "class_id": box.class_id,
                "left": _plain(box.left),
                "top": _plain(box.top),
                # Of rounded corners, so that what ends at the border does so when it is read.
                "width": _plain(_plain(box.right) - _plain(box.left)),
                "height": _plain(_plain(box.bottom) - _plain(box.top)),
            }
            for box in boxes
        ],
    }


def lines(records: Records, at: NDArray[np.intp], paths: list[str]) -> str:
    """The file of one split; `paths` are its images' files, in the order of `at`."""
    assert records.boxes is not None  # noqa: S101  callers ask for boxes where there are some
    height, width, depth = records.images.shape[1:]
    pairs = zip(paths, at, strict=True)
    return "".join(line(path, width, height, depth, records.boxes[position]) + "\n" for path, position in pairs)


def count(records: Records, at: NDArray[np.intp]) -> dict[str, int]:
    """Boxes by class name."""
    boxes = [box.class_id for position in at for box in (records.boxes or ())[position]]
    return {name: boxes.count(label) for label, name in enumerate(records.classes)}


def read(path: Path, classes: int | None = None) -> dict[str, tuple[Box, ...]]:
    """Boxes by file name.

    Raises
    ------
    DataError
        What `each` raises; the same name twice.
    """
    found: dict[str, tuple[Box, ...]] = {}
    for number, (name, boxes) in enumerate(each(path, classes), start=1):
        if name in found:
            raise DataError(f"{path}, line {number}, file", name, "stands in the file twice; keep one line per image")
        found[name] = boxes
    return found


def each(path: Path, classes: int | None = None) -> Iterator[tuple[str, tuple[Box, ...]]]:
    """File name and boxes of each line.

    Parameters
    ----------
    classes
        How many there are; None where that is not known.

    Raises
    ------
    DataError
        Names file, line, field, value and remedy: not JSON, no file name, a class that does not exist, a box outside
        its image.
    """
    return ((name, found) for name, found, _ in _documents(path, classes))


def bodies(path: Path, classes: int | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """File name, and image size and annotations as they stand there, of each line; checked as by `each`."""
    for name, _, document in _documents(path, classes):
        yield name, {key: document[key] for key in ("image_size", "annotations")}


def _documents(path: Path, classes: int | None) -> Iterator[tuple[str, tuple[Box, ...], dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            where = f"{path}, line {number}"
            try:
                document = json.loads(text)
            except ValueError as error:
                raise DataError(where, text.strip()[:80], f"is not JSON ({error}); write one object per line") from None
            name = document.get("file") if isinstance(document, dict) else None
            if not isinstance(name, str) or not name:
                raise DataError(f"{where}, file", name, "must name the image's file")
            yield name, boxes_of(document, where, classes), document


def boxes_of(document: dict[str, Any], where: str, classes: int | None) -> tuple[Box, ...]:
    """The boxes of `{"image_size", "annotations"}`, checked; `where` begins the name of a wrong field.

    Raises
    ------
    DataError
        A field is missing or no number, a class does not exist, a box lies outside its image.
    """
    try:
        (size,) = document["image_size"]
        width, height = (_number(size[name]) for name in ("width", "height"))
        rows = list(document["annotations"])
    except (KeyError, TypeError, ValueError):
        remedy = 'must be [{"width", "height", "depth"}] beside a list of annotations'
        raise DataError(f"{where}, image_size", document.get("image_size"), remedy) from None
    return tuple(
        _box(row, f"{where}, annotations[{position}]", classes, width, height) for position, row in enumerate(rows)
    )


def _box(row: Any, where: str, classes: int | None, width: float, height: float) -> Box:
    try:
        label = row["class_id"]
        left, top, wide, high = (_number(row[name]) for name in ("left", "top", "width", "height"))
    except (KeyError, TypeError, ValueError):
        raise DataError(where, row, "must have the numbers class_id, left, top, width and height") from None
    if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < (classes or label + 1):
        most = "" if classes is None else f" to {classes - 1}"
        raise DataError(f"{where}.class_id", label, f"must be a class number from 0{most}")
    # Sums of decimal fractions may be greater by a hair.
    right, bottom = (
        most if most < end < most + _HAIR else end for end, most in ((left + wide, width), (top + high, height))
    )
    box = Box(label, left, top, right, bottom)
    if not (wide > 0 and high > 0):
        raise DataError(where, row, "must have a width and a height above 0")
    if not (left >= 0 and top >= 0 and box.right <= width and box.bottom <= height):
        raise DataError(where, row, f"must lie inside its image of {width:g}x{height:g} pixels; clip or remove the box")
    return box


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return value


def _plain(value: float) -> float:
    """Whole pixels as whole numbers, parts of them to a hundredth."""
    rounded = round(float(value), 2)
    return int(rounded) if rounded.is_integer() else rounded
