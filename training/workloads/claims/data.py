"""Where the photos of damaged and whole cars come from, and those of streets for the detector: drawings."""

from __future__ import annotations

import contextlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from training.data.records import Box, Records
from training.errors import DataError
from training.serving.cores import usable
from training.workloads.claims import scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from training.data.progress import Progress
    from training.workloads.claims.scene import Drawing

    Key = tuple[int, int, int]
    """What decides a drawing: the sample's seed, the class (for scenes whether a car is to be seen), the number."""

CLASSES = ("damaged", "whole")
CAR = ("car",)

PHOTOS_PER_CLASS = 300
SCENES_WITH_CARS = 360
"""Drawings when no number is given."""
SHARED = 64
"""Drawings from which on several processes draw: it takes one a second to start."""
EMPTY_SHARE = 1 / 3
"""Scenes without a car for every one with some: a detector must also learn where there is none."""


def load(
    source: str,
    *,
    classes: tuple[str, ...] | None,
    per_class: int | None,
    seed: int,
    cache: Path,  # noqa: ARG001  every source is asked alike
    archive: Path | None = None,  # noqa: ARG001
    progress: Progress | None = None,
) -> Records:
    """Whole photos of one car each, damaged or whole, as the endpoint gets them.

    Raises
    ------
    DataError
        Classes that this source does not have.
    """
    if classes is not None and tuple(sorted(classes)) != CLASSES:
        raise DataError("--classes", ",".join(classes), f"must be {','.join(CLASSES)}")
    count = per_class or PHOTOS_PER_CLASS
    wanted = [(seed, label, index) for index in range(count) for label in range(len(CLASSES))]
    drawings = _drawn(_photo, wanted, progress)
    labels = [label for _, label, _ in wanted]
    names = [
        f"synthetic_{drawing.damage[0].kind if drawing.damage else CLASSES[label]}_{index:06d}.png"
        for drawing, (_, label, index) in zip(drawings, wanted, strict=True)
    ]
    images = np.stack([drawing.image for drawing in drawings])
    origin = {"drawn_with_seed": str(seed)}
    return Records(images, np.array(labels, np.int64), names, None, CLASSES, source, synthetic=True, origin=origin)


def load_scenes(source: str, *, per_class: int | None, seed: int, progress: Progress | None = None) -> Records:
    """Streets with and without cars, for the detector; `per_class` of them show at least one."""
    count = per_class or SCENES_WITH_CARS
    total = count + round(count * EMPTY_SHARE)
    drawings = _drawn(_scene, [(seed, int(index < count), index) for index in range(total)], progress)
    boxes = tuple(tuple(Box(0, *box) for box in drawing.cars) for drawing in drawings)
    names = [f"synthetic_{len(found)}_cars_{index:06d}.png" for index, found in enumerate(boxes)]
    labels = np.array([int(bool(found)) for found in boxes], np.int64)
    images = np.stack([drawing.image for drawing in drawings])
    origin = {"drawn_with_seed": str(seed)}
    return Records(images, labels, names, None, CAR, source, synthetic=True, origin=origin, boxes=boxes)


def _drawn(draw: Callable[[Key], Drawing], wanted: Sequence[Key], progress: Progress | None) -> list[Drawing]:
    """Drawings by their keys, in their order; many of them in parallel, to the same result."""
    with contextlib.ExitStack() as stack:
        made: Iterator[Drawing] = map(draw, wanted)
        if len(wanted) >= SHARED:
            # No fork: a library may have started threads in this process, whose locks a child would inherit.
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(ProcessPoolExecutor(usable(), context))
            made = pool.map(draw, wanted, chunksize=8)
        drawings = []
        for drawing in made:
            drawings.append(drawing)
            if progress:
                progress(len(drawings), len(wanted))
        return drawings


def _photo(key: Key) -> Drawing:
    return scene.claim(np.random.default_rng(key), damaged=CLASSES[key[1]] == "damaged")


def _scene(key: Key) -> Drawing:
    """Without cars; or a photo such as claims bring, or traffic, half of each."""
    seed, shows, index = key
    rng = np.random.default_rng([seed, 2, index])
    if not shows:
        return scene.empty(rng)
    if rng.random() < 0.5:
        return scene.claim(rng, damaged=bool(rng.random() < 0.5))
    while True:
        drawing = scene.traffic(rng)
        if drawing.cars:
            return drawing
