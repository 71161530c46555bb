"""Find images that occur more than once: byte for byte, or but for scaling, compression and brightness."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from training.data.progress import Progress
    from training.data.records import Images, Records

DISTANCE = 3
"""Bits of 64 in which the hashes of near-duplicates may differ."""

TOLERANCE = 6.0
"""Mean difference of grey values, of 255, up to which two thumbnails with like hashes are one picture."""

_SIDE = 8
_THUMBNAIL = 16


def first_of_each(records: Records) -> NDArray[np.intp]:
    """Positions of distinct images; of equal ones the source's test image wins, else the first."""
    seen: dict[bytes, int] = {}
    for position in _tests_first(records):
        image = np.ascontiguousarray(records.images[position])
        seen.setdefault(hashlib.sha256(image.tobytes()).digest(), position)
    return np.array(sorted(seen.values()), dtype=np.intp)


def first_of_each_kind(records: Records, kept: NDArray[np.intp], progress: Progress | None = None) -> NDArray[np.intp]:
    """Those of the `kept` positions that are no near-duplicate of one before them; test images come first."""
    wanted = set(kept.tolist())
    order = [position for position in _tests_first(records) if position in wanted]
    repeated = repeats(*fingerprints(records.images, order, progress))
    return np.sort(np.array(order, dtype=np.intp)[~repeated])


def fingerprints(
    images: Images, order: Iterable[int], progress: Progress | None = None
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Difference hash (64 bits: whether each of 8 x 8 areas is darker than its right neighbour) and 16 x 16 thumbnail.

    The hash is that of N. Krawetz, "Kind of like that", hackerfactor.com, 2013.
    """
    order = list(order)
    hashes = np.zeros(len(order), np.uint64)
    thumbnails = np.zeros((len(order), _THUMBNAIL * _THUMBNAIL), np.uint8)
    weights = np.uint64(1) << np.arange(64, dtype=np.uint64)
    for place, position in enumerate(order):
        hashes[place], thumbnails[place] = _fingerprint(images[position], weights)
        if progress:
            progress(place + 1, len(order))
    return hashes, thumbnails


def repeats(hashes: NDArray[np.uint64], thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images are near-duplicates of one that stands before them and is none itself.

    Hashes that differ in at most 3 bits agree in at least one of four 16-bit bands, so that only images which share a
    band are compared; images without contrast have like hashes by chance, so that thumbnails have the last word.
    """
    shares = [_by_band(hashes, band) for band in range(DISTANCE + 1)]
    repeated = np.zeros(len(hashes), bool)
    for one in range(len(hashes)):
        if repeated[one]:
            continue
        for members in shares:
            others = members[one]
            others = others[(others > one) & ~repeated[others]]
            others = others[np.bitwise_count(hashes[others] ^ hashes[one]) <= DISTANCE]
            apart = np.abs(thumbnails[others].astype(np.int16) - thumbnails[one]).mean(axis=1)
            repeated[others[apart <= TOLERANCE]] = True
    return repeated


def _by_band(hashes: NDArray[np.uint64], band: int) -> list[NDArray[np.intp]]:
    """For each hash the positions of all that have the same 16 bits in this band."""
    values, numbers = np.unique((hashes >> np.uint64(16 * band)) & np.uint64(0xFFFF), return_inverse=True)
    ends = np.cumsum(np.bincount(numbers, minlength=len(values)))[:-1]
    members = np.split(np.argsort(numbers, kind="stable"), ends)
    return [members[number] for number in numbers]


def _fingerprint(image: NDArray[np.uint8], weights: NDArray[np.uint64]) -> tuple[np.uint64, NDArray[np.uint8]]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.shape[2] == 3 else image[:, :, 0]
    small = cv2.resize(grey, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA)
    thumbnail = cv2.resize(grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    bits = (small[:, :-1] < small[:, 1:]).ravel()
    return np.sum(weights[bits], dtype=np.uint64), thumbnail.ravel().astype(np.uint8, copy=False)


def _tests_first(records: Records) -> list[int]:
    tests = np.zeros(len(records.labels), bool) if records.is_test is None else records.is_test
    return [int(position) for position in np.argsort(~tests, kind="stable")]
