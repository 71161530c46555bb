"""Real radiographs a user has, in the public layout: `train|val|test/NORMAL|PNEUMONIA/<picture>`.

The public split is not kept. Its `val` holds 16 pictures, too few to choose anything by, and its train and test folders
share patients' numbers; all pictures are pooled, and split anew by patient.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.data.records import Records
from training.errors import DataError
from training.serving.errors import RequestError
from training.serving.headers import size_of
from training.workloads.pneumonia import patients

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.data.places import Place
    from training.data.progress import Progress

CLASSES = ("normal", "pneumonia")

SIDE = 256
"""Pixels to a side of a staged picture; the public ones have some 400 to 2,900, and the model takes fewer still."""

LARGEST_PIXELS = 64 << 20

PATIENTS = "patients.csv"
"""Beside the folders, for pictures with other names: columns `file` (name without folders) and `patient`."""

_SUFFIXES = frozenset({".jpeg", ".jpg", ".png"})
_TAIL = re.compile(r"(?:^|/)(?P<tail>(?P<part>train|val|validation|test)(?:/(?P<kind>[^/]+))?/(?P<name>[^/]+))$", re.I)


@dataclass(frozen=True, slots=True)
class _Picture:
    path: str
    label: int
    patient: str


def load(place: Place, progress: Progress | None = None) -> Records:
    """Read all pictures of a place.

    Raises
    ------
    DataError
        Nothing of this layout, a picture without a class or patient, one whose name contradicts its class, one that is
        damaged, constant or of 16 bits, or the same picture in both classes.
    """
    chosen = _choose(place)
    images = np.empty((len(chosen), SIDE, SIDE, 1), np.uint8)
    seen: dict[bytes, _Picture] = {}
    for done, (position, content) in enumerate(place.read([picture.path for picture in chosen]), 1):
        picture = chosen[position]
        images[position, ..., 0] = decode(picture.path, content)
        other = seen.setdefault(hashlib.sha256(images[position].tobytes()).digest(), picture)
        if other.label != picture.label:
            same = f"is the same picture as {other.path}, in another class; remove the one that is wrong"
            raise DataError("picture", picture.path, same)
        if progress:
            progress(done, len(chosen))
    return Records(
        images,
        np.array([picture.label for picture in chosen], np.int64),
        [patients.staged(picture.patient, PurePosixPath(picture.path).stem) + ".png" for picture in chosen],
        None,
        CLASSES,
        "radiographs",
        False,
        {"place": place.name},
        groups=tuple(picture.patient for picture in chosen),
    )


def decode(path: str, content: bytes) -> NDArray[np.uint8]:
    """A picture as grey pixels of shape (SIDE, SIDE).

    Raises
    ------
    DataError
        It cannot be used, with the reason.
    """
    try:
        width, height, _ = size_of(content)
    except RequestError as error:
        raise DataError("picture", path, f"is no PNG or JPEG ({error}); remove or replace it") from None
    if not 0 < width * height <= LARGEST_PIXELS:
        raise DataError("picture", path, f"has {width}x{height} pixels, at most {LARGEST_PIXELS} are read; reduce it")
    try:
        # Upright and grey as the endpoint decodes it, but as deep as it is.
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        image = None
    if image is None:
        raise DataError("picture", path, "is damaged; remove or replace it")
    if image.dtype != np.uint8:
        # Which part of the range shows the lungs only the DICOM file knows; whoever serves would have to know it too.
        remedy = f"has {8 * image.dtype.itemsize} bits per pixel; apply its DICOM window and write 8 bits"
        raise DataError("picture", path, remedy)
    if int(image.max()) - int(image.min()) < 8:
        raise DataError("picture", path, f"shows nothing: all pixels are about {int(image.mean())}; remove it")
    way = cv2.INTER_AREA if min(image.shape) >= SIDE else cv2.INTER_LINEAR
    return cv2.resize(image, (SIDE, SIDE), interpolation=way).astype(np.uint8, copy=False)


def _choose(place: Place) -> list[_Picture]:
    """The pictures to read, with class and patient; each once, even where an archive holds the layout twice."""
    told = _told(place)
    tails: dict[str, str] = {}
    loose: list[str] = []
    for path in sorted(place.paths, key=lambda path: (path.count("/"), path)):
        parts = PurePosixPath(path).parts
        # Archives made on a Mac hold a shadow of every file.
        if "__MACOSX" in parts or parts[-1].startswith(".") or PurePosixPath(path).suffix.lower() not in _SUFFIXES:
            continue
        found = _TAIL.search(path)
        if found is None or found["kind"] is None:
            loose.append(path)
        else:
            tails.setdefault(found["tail"].lower(), path)
    if not tails:
        raise DataError("archive", place.name, "holds no picture in train|val|test/NORMAL|PNEUMONIA/; name its folder")
    if loose:
        raise DataError("picture", loose[0], f"and {len(loose) - 1} more lie in no class's folder; sort or remove them")
    return [_picture(path, told) for path in sorted(tails.values())]


def _picture(path: str, told: Mapping[str, str]) -> _Picture:
    kind, name = PurePosixPath(path).parts[-2:]
    if kind.lower() not in CLASSES:
        raise DataError("picture", path, f"is of class {kind!r}; the classes are NORMAL and PNEUMONIA")
    label = CLASSES.index(kind.lower())
    parsed = patients.parse(PurePosixPath(name).stem)
    patient = told.get(name, parsed[0] if parsed else None)
    if patient is None:
        remedy = f"does not say whose picture it is; list it in {PATIENTS} beside the folders (file,patient)"
        raise DataError("picture", path, remedy)
    if parsed and parsed[1] is not None and parsed[1] != bool(label):
        raise DataError("picture", path, f"is named like the other class but lies in {kind}; move it where it belongs")
    return _Picture(path, label, patient)


def _told(place: Place) -> dict[str, str]:
    paths = [path for path in place.paths if PurePosixPath(path).name.lower() == PATIENTS]
    if not paths:
        return {}
    (_, content), *_ = place.read(paths[:1])
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
    if not {"file", "patient"} <= set(reader.fieldnames or ()):
        raise DataError(PATIENTS, paths[0], "needs the columns file and patient")
    return {row["file"]: row["patient"] for row in reader if row["file"] and row["patient"]}
