"""Images read from files while training runs, for datasets that do not fit in memory.

Worker processes decode, crop and mirror whole batches of uint8 pixels. Normalising, and the change to the number format
of the network, are left to the device, where they cost nothing beside a step.
"""

from __future__ import annotations

import math
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from training.errors import TrainingError
from training.serving.errors import RequestError
from training.serving.headers import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    Pixels = NDArray[np.uint8]

AREA = (0.08, 1.0)
STRETCH = 4 / 3
"""Share of an image that a random crop keeps, and its largest width over height, or height over width (Szegedy et al.,
2015, section 6)."""

_REDUCED = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))


class Pick(NamedTuple):
    """One image of one epoch; together with the seed it decides every random choice about that image."""

    epoch: int
    image: int


@dataclass(frozen=True, slots=True)
class Files:
    """Image files and the class of each, in one order."""

    paths: tuple[Path, ...]
    labels: tuple[int, ...]


class View(NamedTuple):
    """Which part of an image is shown, in terms that hold for any size of it, reduced or turned by the decoder.

    Attributes
    ----------
    area
        Share of the image; with no `ratio`, of the largest square in it.
    ratio
        Width over height; None for a square.
    across, down
        Place between the left and right, and the upper and lower border; 0 to 1.
    """

    area: float
    ratio: float | None
    across: float
    down: float
    mirrored: bool


CENTRE = View((7 / 8) ** 2, None, 0.5, 0.5, mirrored=False)


class Crops(Dataset[tuple["Tensor", "Tensor"]]):
    """Batches of square images: a random view of each pick with `augment`, else the `still` one.

    Parameters
    ----------
    still
        The middle; or None for the whole image, which the server shows to the model.
    area
        Least and largest share of an image that a random view keeps.
    stretch
        Largest width over height of a random view, before it is made square; 1 leaves shapes as they are.
    """

    def __init__(
        self,
        files: Files,
        side: int,
        *,
        augment: bool,
        seed: int,
        still: View | None = CENTRE,
        area: tuple[float, float] = AREA,
        stretch: float = STRETCH,
    ) -> None:
        self._files = files
        self._side = side
        self._augment = augment
        self._seed = seed
        self._still = still
        self._area = area
        self._stretch = stretch

    def __len__(self) -> int:
        return len(self._files.paths)

    def __getitem__(self, pick: Pick) -> tuple[Tensor, Tensor]:
        images, labels = self.__getitems__([pick])
        return images[0], labels[0]

    def __getitems__(self, picks: list[Pick]) -> tuple[Tensor, Tensor]:
        """uint8 of shape (n, 3, side, side), RGB, stored pixel by pixel (channels_last), and labels of shape (n,)."""
        out = torch.empty((len(picks), self._side, self._side, 3), dtype=torch.uint8)
        for pixels, pick in zip(out.numpy(), picks, strict=True):
            self._read(pick, pixels)
        labels = torch.tensor([self._files.labels[pick.image] for pick in picks])
        return out.permute(0, 3, 1, 2), labels

    def _read(self, pick: Pick, out: Pixels) -> None:
        path = self._files.paths[pick.image]
        draw = random.Random(f"{self._seed}:{pick.epoch}:{pick.image}")  # noqa: S311 (must repeat, guards nothing)
        view = random_view(draw, self._area, self._stretch) if self._augment else self._still
        data = path.read_bytes()
        try:
            width, height, _ = size_of(data)
        except RequestError as error:
            reason = f"is no whole PNG or JPEG ({error.value})"
            raise TrainingError("image", str(path), f"{reason}; remove it or stage the data again") from None
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _flag(view, width, height, self._side))
        if image is None:
            raise TrainingError("image", str(path), "cannot be decoded; remove it or stage the data again")
        pixels = np.asarray(image, np.uint8)
        crop = pixels if view is None else cut(pixels, view)
        shrinks = min(crop.shape[:2]) >= self._side
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        cv2.cvtColor(cv2.resize(crop, (self._side, self._side), interpolation=way), cv2.COLOR_BGR2RGB, dst=out)


class Epochs(Sampler[list[Pick]]):
    """Batches of picks of one epoch, shuffled by seed and epoch; several ranks share each global batch.

    The global batches do not depend on the number of ranks, so neither does what is learned from them. A last batch
    that is not full is left out, as its ranks would have unequal shares.
    """

    def __init__(self, images: int, batch: int, *, seed: int, rank: int = 0, ranks: int = 1) -> None:
        if batch % ranks:
            raise TrainingError("batch_size", batch, f"must be a multiple of the {ranks} processes that share it")
        if images < batch:
            raise TrainingError("batch_size", batch, f"exceeds the {images} images there are; choose less")
        self.epoch = 0
        self._images, self._batch = images, batch
        self._seed, self._rank, self._ranks = seed, rank, ranks

    def __len__(self) -> int:
        return self._images // self._batch

    def __iter__(self) -> Iterator[list[Pick]]:
        order = list(range(self._images))
        random.Random(f"{self._seed}:{self.epoch}").shuffle(order)  # noqa: S311 (must repeat, guards nothing)
        share = self._batch // self._ranks
        for number in range(len(self)):
            start = number * self._batch + self._rank * share
            yield [Pick(self.epoch, image) for image in order[start : start + share]]


class Chunks(Sampler[list[Pick]]):
    """All images in order, in chunks of a fixed size; several ranks take turns.

    What a network says of an image may depend on the images beside it by rounding, so chunks do not depend on ranks.
    """

    def __init__(self, images: int, size: int, *, rank: int = 0, ranks: int = 1) -> None:
        self.starts = range(rank * size, images, ranks * size)
        self._images, self._size = images, size

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[list[Pick]]:
        for start in self.starts:
            yield [Pick(0, image) for image in range(start, min(start + self._size, self._images))]


def loader(
    crops: Crops, epochs: Epochs | Chunks, *, workers: int | None = None, pinned: bool = False
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Batches of `crops` in the order of `epochs`, prepared by worker processes ahead of their use.

    Parameters
    ----------
    workers
        Processes; by default one per usable core but the one that feeds the device. 0 reads in the caller's own.
    pinned
        Keep batches in page-locked memory, from which a GPU copies while it computes.
    """
    count = max(0, len(os.sched_getaffinity(0)) - 1) if workers is None else workers
    # Not forked: OpenCV's threads of the parent would be missing in the child, which would wait for them for ever.
    ahead = {"prefetch_factor": 4, "persistent_workers": True, "multiprocessing_context": "forkserver"} if count else {}
    return DataLoader(
        crops,
        batch_sampler=epochs,
        num_workers=count,
        collate_fn=_whole,  # the batch is whole already
        pin_memory=pinned,
        worker_init_fn=_one_thread,
        **ahead,  # type: ignore[arg-type]
    )


def random_view(draw: random.Random, share: tuple[float, float] = AREA, stretch: float = STRETCH) -> View:
    """A view of random area, shape and place, mirrored every other time."""
    area, ratio = draw.uniform(*share), math.exp(draw.uniform(-math.log(stretch), math.log(stretch)))
    return View(area, ratio, draw.random(), draw.random(), draw.random() < 0.5)


def cut(image: Pixels, view: View) -> Pixels:
    """The part of an image that a view shows; what would lie outside is left out."""
    height, width = image.shape[:2]
    if view.ratio is None:
        wide = high = max(1, round(min(width, height) * math.sqrt(view.area)))
    else:
        wide = min(width, max(1, round(math.sqrt(width * height * view.area * view.ratio))))
        high = min(height, max(1, round(math.sqrt(width * height * view.area / view.ratio))))
    left, top = round((width - wide) * view.across), round((height - high) * view.down)
    crop = image[top : top + high, left : left + wide]
    return crop[:, ::-1] if view.mirrored else crop


def _flag(view: View | None, width: int, height: int, side: int) -> int:
    """Let the decoder itself reduce an image whose crop is far larger than what is asked for."""
    shorter: float = min(width, height)
    if view is not None:
        of = shorter if view.ratio is None else math.sqrt(width * height * min(view.ratio, 1 / view.ratio))
        shorter = min(of * math.sqrt(view.area), shorter)
    return next((flag for factor, flag in _REDUCED if shorter >= factor * side), cv2.IMREAD_COLOR)


def _whole(batch: Any) -> Any:
    return batch


def _one_thread(_worker: int) -> None:
    # Workers are the parallelism; threads of each would fight for the same cores.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
