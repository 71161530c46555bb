"""Where the photos of damaged and whole cars come from, and those of streets for the detector: drawings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.data.records import Box, Records
from training.errors import DataError
from training.workloads.claims import scene

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.progress import Progress
    from training.workloads.claims.scene import Drawing

CLASSES = ("damaged", "whole")
CAR = ("car",)

PHOTOS_PER_CLASS = 300
SCENES_WITH_CARS = 360
"""Drawings when no number is given."""
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
    drawings, labels, names = [], [], []
    for index in range(count):
        for label, name in enumerate(CLASSES):
            drawing = scene.claim(np.random.default_rng([seed, label, index]), damaged=name == "damaged")
            kind = drawing.damage[0].kind if drawing.damage else name
            drawings.append(drawing)
            labels.append(label)
            names.append(f"synthetic_{kind}_{index:06d}.png")
            if progress:
                progress(len(labels), count * len(CLASSES))
    images = np.stack([drawing.image for drawing in drawings])
    origin = {"drawn_with_seed": str(seed)}
    return Records(images, np.array(labels, np.int64), names, None, CLASSES, source, synthetic=True, origin=origin)


def load_scenes(source: str, *, per_class: int | None, seed: int, progress: Progress | None = None) -> Records:
    """Streets with and without cars, for the detector; `per_class` of them show at least one."""
    count = per_class or SCENES_WITH_CARS
    total = count + round(count * EMPTY_SHARE)
    drawings = []
    for index in range(total):
        drawings.append(_scene(np.random.default_rng([seed, 2, index]), empty=index >= count))
        if progress:
            progress(len(drawings), total)
    boxes = tuple(tuple(Box(0, *box) for box in drawing.cars) for drawing in drawings)
    names = [f"synthetic_{len(found)}_cars_{index:06d}.png" for index, found in enumerate(boxes)]
    labels = np.array([int(bool(found)) for found in boxes], np.int64)
    images = np.stack([drawing.image for drawing in drawings])
    origin = {"drawn_with_seed": str(seed)}
    return Records(images, labels, names, None, CAR, source, synthetic=True, origin=origin, boxes=boxes)


def _scene(rng: np.random.Generator, *, empty: bool) -> Drawing:
    """Without cars; or a photo such as claims bring, or traffic, half of each."""
    if empty:
        return scene.empty(rng)
    if rng.random() < 0.5:
        return scene.claim(rng, damaged=bool(rng.random() < 0.5))
    while True:
        drawing = scene.traffic(rng)
        if drawing.cars:
            return drawing
