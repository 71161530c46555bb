"""A user's own images for any workload: class folders or a table of labels, in a folder, an archive or S3.

`[<split>/]<class>/<file>`, or `labels.csv` at the top with the columns file and label, and group and split if wanted.
For detection `annotations.jsonl` at the top (see `boxes`), and group and split in `labels.csv` if wanted. Images of the
split `test` stay test images; all others are divided anew, with no group in two splits.
"""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from training.data import boxes as lines
from training.data.intake import labels as told
from training.data.intake.check import is_picture
from training.data.intake.image import MOST_PIXELS, decode
from training.data.records import Box, Records
from training.errors import DataError
from training.serving.errors import RequestError
from training.serving.headers import size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.data.intake.labels import Label
    from training.data.places import Place
    from training.data.progress import Progress

SOURCE = "folder"
"""Name of this data option, which every workload has."""

MOST_IN_MEMORY = 1 << 29
"""Bytes of pixels; more of them wait in a file that goes with the process."""


class Size(NamedTuple):
    """Of the images that are staged, in pixels."""

    height: int
    width: int
    channels: int


def load(
    place: Place, classes: tuple[str, ...], size: Size, *, boxed: bool = False, progress: Progress | None = None
) -> Records:
    """Read all images, squeezed to one size as the endpoint squeezes what it is sent; boxes go along.

    Raises
    ------
    DataError
        No images, one without a label or of no class, one that is damaged, boxes of another image size.
    """
    table = told.by_table(place)
    boxes = _boxes(place, len(classes)) if boxed else None
    paths = sorted(path for path in place.paths if is_picture(path))
    if boxes is not None:
        _refuse_unknown(lines.FILE, set(boxes) - set(paths))
        paths = [path for path in paths if path in boxes]
    if table is not None:
        _refuse_unknown(told.FILE, set(table) - set(paths))
    if not paths:
        raise DataError("archive", place.name, "holds no images that are labelled; name a folder of class folders")
    said = [_said(path, table, classes, boxed=boxed) for path in paths]
    images = _room((len(paths), *size))
    scaled: list[tuple[Box, ...]] = [()] * len(paths)
    for done, (position, body) in enumerate(place.read(paths), start=1):
        path = paths[position]
        pixels = _decoded(path, body, size.channels)
        height, width = pixels.shape[:2]
        images[position] = _squeezed(pixels, size)
        if boxes is not None:
            scaled[position] = _scaled(path, boxes[path], (width, height), size)
        if progress:
            progress(done, len(paths))
    tests = np.array([one.split == "test" for one in said])
    # Of images with boxes those that show something and those that show nothing are kept in balance.
    labels = [int(bool(found)) for found in scaled] if boxed else [classes.index(one.label) for one in said]
    return Records(
        images,
        np.array(labels, np.int64),
        [_name(path) for path in paths],
        tests if tests.any() else None,
        classes,
        SOURCE,
        synthetic=False,
        origin={"place": place.name},
        groups=tuple(one.group or path for one, path in zip(said, paths, strict=True))
        if any(one.group for one in said)
        else None,
        boxes=tuple(scaled) if boxed else None,
    )


def _said(path: str, table: Mapping[str, Label] | None, classes: tuple[str, ...], *, boxed: bool) -> Label:
    said = told.by_folder(path) if table is None else table.get(path)
    if boxed:
        return said or told.Label("")
    if said is None or not said.label:
        where = "lies in no class's folder" if table is None else f"has no label in {told.FILE}"
        raise DataError("image", path, f"{where}; label or remove it (`python -m training.data check` lists them all)")
    if said.label not in classes:
        remedy = f"is of class {said.label!r}; the classes are {', '.join(classes)}; correct it, or name --classes"
        raise DataError("image", path, remedy)
    return said


def _boxes(place: Place, classes: int) -> dict[str, tuple[tuple[float, float], tuple[Box, ...]]]:
    """Size of the image, and boxes, by path."""
    if lines.FILE not in place.paths:
        raise DataError("archive", place.name, f"has no {lines.FILE} at the top, which names the boxes of each image")
    ((_, content),) = place.read([lines.FILE])
    with tempfile.NamedTemporaryFile(suffix=f"-{lines.FILE}") as file:
        file.write(content)
        file.flush()
        found = lines.read(Path(file.name), classes)
        sizes = {name: body["image_size"][0] for name, body in lines.bodies(Path(file.name), classes)}
    return {name: ((sizes[name]["width"], sizes[name]["height"]), shown) for name, shown in found.items()}


def _refuse_unknown(file: str, names: set[str]) -> None:
    if names:
        remedy = f"and {len(names) - 1} more have no image; remove their lines, or bring the images"
        raise DataError(f"{file}, file", min(names), remedy)


def _decoded(path: str, body: bytes, channels: int) -> NDArray[np.uint8]:
    try:
        width, height, _ = size_of(body)
    except RequestError as error:
        raise DataError("image", path, f"{error.value}: is no whole PNG or JPEG; remove it, or `check --fix`") from None
    if not 0 < width * height <= MOST_PIXELS:
        raise DataError("image", path, f"has {width}x{height} pixels, at most {MOST_PIXELS} are read; reduce it")
    pixels = decode(body, channels)
    if pixels is None:
        raise DataError("image", path, "is damaged; remove or replace it")
    return pixels if channels == 1 else pixels[:, :, ::-1]


def _squeezed(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    if pixels.shape[:2] != (size.height, size.width):
        shrinks = pixels.shape[0] >= size.height and pixels.shape[1] >= size.width
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        pixels = cv2.resize(pixels, (size.width, size.height), interpolation=way).astype(np.uint8, copy=False)
    return pixels.reshape(size)


def _scaled(
    path: str, found: tuple[tuple[float, float], tuple[Box, ...]], size: tuple[int, int], wanted: Size
) -> tuple[Box, ...]:
    if found[0] != size:
        remedy = f"is {size[0]}x{size[1]} when looked at upright; draw the boxes on that, and correct image_size"
        raise DataError(f"{lines.FILE}, image_size of {path}", f"{found[0][0]}x{found[0][1]}", remedy)
    across, down = wanted.width / size[0], wanted.height / size[1]
    # Rounding must not carry a box over the border.
    return tuple(
        Box(
            box.class_id,
            box.left * across,
            box.top * down,
            min(box.right * across, wanted.width),
            min(box.bottom * down, wanted.height),
        )
        for box in found[1]
    )


def _room(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if int(np.prod(shape)) <= MOST_IN_MEMORY:
        return np.empty(shape, np.uint8)
    return np.memmap(tempfile.TemporaryFile(), np.uint8, "w+", shape=shape)


def _name(path: str) -> str:
    """The whole path, so that files of one name in two folders stay apart."""
    return PurePosixPath(path).with_suffix("").as_posix().replace("/", "-") + ".png"
