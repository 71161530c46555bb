"""Read a channel of images with boxes into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from training.data import AUGMENTED, boxes
from training.errors import DataError, TrainingError
from training.learning import images
from training.learning.detection.precision import Truth
from training.learning.detection.way import NOTHING

if TYPE_CHECKING:
    from pathlib import Path


def read_split(channel: Path, classes: tuple[str, ...], height: int, width: int) -> images.Split:
    """Images of `<channel>/` and their boxes of `<channel>/annotations.jsonl`, both brought to the model's input.

    Versions of them, where augmentation has made some, lie in `<channel>/augmented/` in the same way.

    Returns
    -------
    a split whose labels have the shape (n, boxes, 5): class, left, top, right, bottom in pixels of the input; rows of
    class `NOTHING` fill up

    Raises
    ------
    TrainingError
        A file is missing, no image, or of another size than its annotation says; or nothing is annotated at all.
    """
    path = channel / boxes.FILE
    if not path.is_file():
        raise TrainingError("channel", str(channel), f"has no {boxes.FILE}; stage the data or set SM_CHANNEL_*")
    versions = channel / AUGMENTED
    try:
        known = boxes.read(path, len(classes))
        if (versions / boxes.FILE).is_file():
            made = boxes.read(versions / boxes.FILE, len(classes))
            known |= {f"{AUGMENTED}/{name}": found for name, found in made.items()}
    except DataError as error:
        raise TrainingError(error.field, error.value, error.remedy) from None
    if not any(known.values()):
        raise TrainingError(boxes.FILE, str(path), "holds no box; there is nothing to learn from empty images")
    names = sorted(known)
    pixels, sizes = images.read_files([channel / name for name in names], height, width)
    most = max(len(found) for found in known.values())
    labels = torch.zeros(len(names), most, 5)
    labels[..., 0] = NOTHING
    for position, (name, size) in enumerate(zip(names, sizes, strict=True)):
        for row, box in enumerate(known[name]):
            if box.right > size[1] or box.bottom > size[0]:
                inside = f"{size[1]}x{size[0]} pixels"
                raise TrainingError("box", tuple(box), f"of {channel / name} lies outside of the image's {inside}")
            across, down = width / size[1], height / size[0]
            corners = (box.left * across, box.top * down, box.right * across, box.bottom * down)
            labels[position, row] = torch.tensor([float(box.class_id), *corners])
    return images.Split(pixels, labels, tuple(names))


def truth(split: images.Split) -> list[Truth]:
    """The objects of each image of a split."""
    found = []
    for rows in split.labels.numpy():
        real = rows[rows[:, 0] >= 0]
        found.append(Truth(real[:, 1:].astype(np.float32), real[:, 0].astype(np.int64)))
    return found
