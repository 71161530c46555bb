"""Read a staged dataset into memory, and disturb it a little while training."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor

from training.data import AUGMENTED
from training.errors import TrainingError
from training.serving.errors import RequestError
from training.serving.headers import size_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Per-channel statistics of ImageNet, which torchvision's weights expect; of values in 0 to 1."""

GREY_MEAN, GREY_STD = (0.449,), (0.226,)
"""The means of the three, for grey images."""


@dataclass(frozen=True, slots=True)
class Split:
    """Images of one channel.

    Attributes
    ----------
    images
        uint8 tensor of shape (n, 3, height, width), RGB, or (n, 1, height, width), grey.
    labels
        int64 tensor of shape (n,).
    names
        `<class>/<file>`, in the order of the images.
    """

    images: Tensor
    labels: Tensor
    names: tuple[str, ...]


def describe(channel: Path, fallback: tuple[str, ...], least: int = 2) -> dict[str, Any]:
    """What the channel's `dataset.json` says; without one, only that the source is unknown.

    Parameters
    ----------
    least
        Fewest classes that make sense: one is enough where things are to be found, not told apart.

    Raises
    ------
    TrainingError
        The file is not JSON or names no classes.
    """
    path = channel / "dataset.json"
    if not path.is_file():
        return {"source": "unknown", "synthetic": False, "classes": list(fallback)}
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        if len(description["classes"]) < least or not isinstance(description["synthetic"], bool):
            raise ValueError(f"fewer than {least} classes")
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError("dataset.json", str(path), f"cannot be used ({error}); stage the data again") from None
    return description


def read_split(channel: Path, classes: tuple[str, ...], height: int, width: int, channels: int = 3) -> Split:
    """Read every image below `<channel>/<class>/`, resized to the model's input where it differs.

    Versions of them, where augmentation has made some, lie below `<channel>/augmented/<class>/`, and are read as well.

    Raises
    ------
    TrainingError
        The channel or a class is missing or empty, or a file is no image.
    """
    if not channel.is_dir():
        raise TrainingError("channel", str(channel), "there is no such folder; stage the data or set SM_CHANNEL_*")
    found = [
        (label, path)
        for folder in (channel, channel / AUGMENTED)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).glob("*.*"))
    ]
    for label, name in enumerate(classes):
        if not any(item[0] == label for item in found):
            raise TrainingError("channel", str(channel), f"has no images of {name!r}; stage the data again")
    stacked, _ = read_files([path for _, path in found], height, width, channels)
    names = tuple(path.relative_to(channel).as_posix() for _, path in found)
    return Split(stacked, torch.tensor([label for label, _ in found]), names)


def read_files(
    paths: Sequence[Path], height: int, width: int, channels: int = 3
) -> tuple[Tensor, list[tuple[int, int]]]:
    """Images as a `Split` holds them, resized where they differ, and the height and width that each had.

    Raises
    ------
    TrainingError
        A file is missing or no image.
    """
    with ThreadPoolExecutor(2) as pool:
        images = list(pool.map(lambda path: _read(path, height, width, channels), paths))
    stacked = torch.from_numpy(np.stack([pixels for pixels, _ in images]).transpose(0, 3, 1, 2).copy())
    return stacked, [size for _, size in images]


def refuse_leakage(splits: dict[str, Split]) -> None:
    """Make sure that no image stands in two splits.

    Raises
    ------
    TrainingError
        One does.
    """
    seen: dict[bytes, str] = {}
    for part, split in splits.items():
        for image, name in zip(split.images, split.names, strict=True):
            digest = hashlib.sha256(image.numpy().tobytes()).digest()
            where = f"{part}/{name}"
            other = seen.setdefault(digest, where)
            if not other.startswith(f"{part}/"):
                raise TrainingError("dataset", where, f"is the same image as {other}; stage the data again")


def statistics(channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel that `normalise` goes by."""
    return (GREY_MEAN, GREY_STD) if channels == 1 else (MEAN, STD)


def normalise(images: Tensor) -> Tensor:
    """uint8 pixels to the float values the networks take; shape stays."""
    mean, std = statistics(images.shape[1])
    scale = torch.tensor(std).view(1, -1, 1, 1) * 255
    shift = torch.tensor(mean).view(1, -1, 1, 1) * 255
    return (images.float() - shift) / scale


def disturb(images: Tensor, generator: torch.Generator, reach: float = 0.1) -> Tensor:
    """Mirror half of the images and shift each by up to `reach` of its side, repeating the border."""
    count, _, height, width = images.shape
    mirrored = torch.rand(count, generator=generator) < 0.5
    images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)
    rows = _shifted(count, height, reach, generator)
    columns = _shifted(count, width, reach, generator)
    batch = torch.arange(count).view(-1, 1, 1)
    # Indexed dimensions come first: (n, height, width, channels).
    return images[batch, :, rows.unsqueeze(2), columns.unsqueeze(1)].permute(0, 3, 1, 2).contiguous()


def _shifted(count: int, side: int, reach: float, generator: torch.Generator) -> Tensor:
    most = max(1, round(side * reach))
    offsets = torch.randint(-most, most + 1, (count, 1), generator=generator)
    return (torch.arange(side) + offsets).clamp(0, side - 1)


def _read(path: Path, height: int, width: int, channels: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    if not path.is_file():
        raise TrainingError("image", str(path), "there is no such file; stage the data again")
    colours = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    body = path.read_bytes()
    try:
        # What the endpoint refuses is not learnt from: OpenCV would fill the rest of some broken files with grey.
        size_of(body)
    except RequestError as error:
        raise TrainingError("image", str(path), f"is no readable image ({error.value}); remove it") from None
    image = cv2.imdecode(np.frombuffer(body, np.uint8), colours)
    if image is None:
        raise TrainingError("image", str(path), "is no readable image; remove it or stage the data again")
    size = image.shape[0], image.shape[1]
    if size != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return (image[:, :, None] if channels == 1 else image[:, :, ::-1]).astype(np.uint8), size
