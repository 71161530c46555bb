"""Where the dogs come from: drawings, or photographs that a user has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.data import places
from training.data.records import Records
from training.errors import DataError
from training.workloads.dogs import photographs
from training.workloads.dogs.breeds import breeds
from training.workloads.dogs.drawings import draw

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.progress import Progress

DRAWN_PER_CLASS = 60
"""Drawings of each breed when no number is given: about as many as the data set has photographs."""

SIDE = 64

BACKBONE = "weights/backbone.pth"


def load(
    source: str,
    *,
    classes: tuple[str, ...] | None,
    per_class: int | None,
    seed: int,
    cache: Path,
    archive: Path | None = None,
    progress: Progress | None = None,
) -> Records:
    """Labelled pictures of one source.

    Parameters
    ----------
    source
        `synthetic` or `dogimages`.
    classes
        Breeds to keep, in the order of the model's outputs; None for all 133.
    per_class
        How many to draw of each breed (`synthetic`); the other source hands over all it has.
    archive
        Folder, archive or `s3://` prefix with `dogimages`.

    Raises
    ------
    DataError
        Unknown breed, or pictures that cannot be used.
    """
    kept = _chosen(classes)
    if source == "dogimages":
        if archive is None:
            remedy = "name the folder, archive or s3:// prefix that holds train, valid and test; or use synthetic"
            raise DataError("--archive", None, remedy)
        return photographs.load(places.find(str(archive)), kept, progress)
    # Torch takes seconds to import, and photographs need none of it.
    from training.workloads.dogs.pretext import weights  # noqa: PLC0415

    drawn = pictures(kept, per_class or DRAWN_PER_CLASS, seed, progress)
    labels = np.arange(len(drawn)) % len(kept)
    names = [f"synthetic_{kept[label]}_{number // len(kept):05d}.png" for number, label in enumerate(labels)]
    origin = {"drawn_with_seed": str(seed), "weights": "learnt from drawings of other dogs"}
    extras = {BACKBONE: weights(cache, seed, progress)}
    return Records(drawn, labels, names, None, kept, source, synthetic=True, origin=origin, extras=extras)


def pictures(
    classes: tuple[str, ...], per_class: int, seed: int, progress: Progress | None = None
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Drawings, breed after breed and round after round: uint8 of shape (n, SIDE, SIDE, 3).

    Each has a seed of its own, so that a larger sample begins with the smaller one.
    """
    names, total = list(breeds()), per_class * len(classes)
    drawn = np.empty((total, SIDE, SIDE, 3), np.uint8)
    for number in range(total):
        breed = classes[number % len(classes)]
        rng = np.random.default_rng([seed, names.index(breed), number // len(classes)])
        drawn[number] = draw(breeds()[breed], rng, SIDE)
        if progress:
            progress(number + 1, total)
    return drawn


def _chosen(classes: tuple[str, ...] | None) -> tuple[str, ...]:
    known = tuple(breeds())
    if classes is None:
        return known
    if unknown := [name for name in classes if name not in known]:
        raise DataError("--classes", ",".join(classes), f"there is no breed {unknown[0]!r}; see breeds.txt")
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise DataError("--classes", ",".join(classes), "needs two or more different breeds")
    return classes
