"""Photographs a user has, in the layout of the 133-breed data set: `train|valid|test/<number>.<Breed>/<picture>`.

The set is published as https://s3-us-west-1.amazonaws.com/udacity-aind/dog-project/dogImages.zip, with 8,351 pictures.
No checksum of it is published, so nothing here downloads it: who does, names the folder, archive or S3 prefix it is in.
Its `test` pictures stay test pictures. State dicts in a folder `weights` beside them (torchvision's resnet50.pth, say)
become the dataset's weights.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.data.records import Records
from training.errors import DataError
from training.serving.errors import RequestError
from training.serving.headers import size_of
from training.workloads.dogs.breeds import breeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.places import Place
    from training.data.progress import Progress

SIDE = 256
"""Pixels to a side of a staged picture, from which training cuts 224."""

LARGEST_PIXELS = 64 << 20

_PICTURE = re.compile(
    r"(?:^|/)(?P<part>train|valid|validation|test)/(?:\d+\.)?(?P<breed>[^/]+)/[^/]+\.(?:jpe?g|png)$", re.I
)
_WEIGHTS = re.compile(r"(?:^|/)weights/(?P<name>[\w.-]+\.pth)$")


def load(place: Place, classes: tuple[str, ...], progress: Progress | None = None) -> Records:
    """Read the pictures of some breeds.

    Raises
    ------
    DataError
        Nothing of this layout, a breed without pictures, a folder that is no breed's, or a picture that is damaged.
    """
    known = {name.lower(): name for name in breeds()}
    chosen: list[tuple[str, str, bool]] = []
    for path in sorted(place.paths):
        # Archives made on a Mac hold a shadow of every file.
        found = None if "__MACOSX" in path else _PICTURE.search(path)
        if found is None:
            continue
        breed = known.get(found["breed"].lower())
        if breed is None:
            raise DataError("picture", path, "lies in a folder that is no breed's; rename or remove it")
        if breed in classes:
            chosen.append((path, breed, found["part"].lower() == "test"))
    if not chosen:
        raise DataError(
            "archive", place.name, "holds no picture in train|valid|test/<number>.<Breed>/; name its folder"
        )
    if missing := sorted(set(classes) - {breed for _, breed, _ in chosen}):
        raise DataError("archive", place.name, f"has no picture of {missing[0]}; fetch it again, or name --classes")
    images = np.empty((len(chosen), SIDE, SIDE, 3), np.uint8)
    for done, (position, content) in enumerate(place.read([path for path, _, _ in chosen]), 1):
        images[position] = decode(chosen[position][0], content)
        if progress:
            progress(done, len(chosen))
    tests = np.array([test for _, _, test in chosen])
    return Records(
        images,
        np.array([classes.index(breed) for _, breed, _ in chosen], np.int64),
        [f"{PurePosixPath(path).stem}.png" for path, _, _ in chosen],
        tests if tests.any() else None,
        classes,
        "dogimages",
        False,
        {"place": place.name},
        extras=_weights(place),
    )


def decode(path: str, content: bytes) -> NDArray[np.uint8]:
    """A picture as RGB pixels of shape (SIDE, SIDE, 3), turned as its EXIF says and squeezed as the server does.

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
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise DataError("picture", path, "is damaged; remove or replace it")
    way = cv2.INTER_AREA if min(image.shape[:2]) >= SIDE else cv2.INTER_LINEAR
    return cv2.cvtColor(cv2.resize(image, (SIDE, SIDE), interpolation=way), cv2.COLOR_BGR2RGB).astype(np.uint8)


def _weights(place: Place) -> dict[str, bytes]:
    """State dicts that lie beside the pictures, by their path in the dataset."""
    paths = {path: found["name"] for path in place.paths if (found := _WEIGHTS.search(path))}
    order = list(paths)
    return {f"weights/{paths[order[position]]}": content for position, content in place.read(order)}
