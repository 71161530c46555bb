"""What every data source hands over, whatever it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from training.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Box(NamedTuple):
    """An object in an image: its class and, in pixels, the corners; right and bottom lie just outside of it."""

    class_id: int
    left: float
    top: float
    right: float
    bottom: float


class Images(Protocol):
    """Images of one size: an array, or something that reads each when it is asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, height, width, channels)."""

    def __getitem__(self, position: Any, /) -> NDArray[np.uint8]:
        """The image at a position: shape (height, width, channels)."""


@dataclass(frozen=True, slots=True)
class Records:
    """Labelled images of one source.

    Attributes
    ----------
    images
        uint8 of shape (n, height, width, channels): RGB with three channels, grey with one.
    labels
        Integer array of shape (n,), positions in `classes`. Where `boxes` are given they only say what is to be kept
        in balance between the splits, such as 0 for images without an object and 1 for those with one.
    names
        File name of each image, with its suffix.
    is_test
        Boolean array of shape (n,): the images the source itself sets aside for testing. None where it sets none aside.
    classes
        Class names in the order of the model's outputs.
    source, synthetic
        Name of the data option, and whether it is made up.
    origin
        Where the bytes came from (URL or package, checksum), for the dataset's description.
    groups
        What each image belongs to (a patient, the photo it was cut from): a group is never divided between splits.
        None where every image stands for itself.
    boxes
        The objects of each image, for detection; None for classification.
    extras
        Further files of the dataset by their path in it, such as `weights/backbone.pth`.

    Raises
    ------
    DataError
        The parts do not belong together, or a box lies outside its image.
    """

    images: Images
    labels: NDArray[np.int64]
    names: list[str]
    is_test: NDArray[np.bool_] | None
    classes: tuple[str, ...]
    source: str
    synthetic: bool
    origin: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] | None = None
    boxes: tuple[tuple[Box, ...], ...] | None = None
    extras: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.labels)
        if len(self.images.shape) != 4 or self.images.shape[3] not in {1, 3}:
            raise DataError("images", self.images.shape, "must be (n, height, width, channels) with 1 or 3 channels")
        parts = {"images": self.images.shape[0], "names": len(self.names)}
        parts |= {
            name: len(part)
            for name, part in (("is_test", self.is_test), ("groups", self.groups), ("boxes", self.boxes))
            if part is not None
        }
        for name, length in parts.items():
            if length != count:
                raise DataError(name, length, f"must be as many as there are labels, {count}")
        height, width = self.images.shape[1:3]
        for name, boxes in zip(self.names, self.boxes or (), strict=False):
            for box in boxes:
                if not 0 <= box.class_id < len(self.classes):
                    raise DataError("boxes", tuple(box), f"of {name} has no class 0 to {len(self.classes) - 1}")
                if not (0 <= box.left < box.right <= width and 0 <= box.top < box.bottom <= height):
                    raise DataError("boxes", tuple(box), f"of {name} must lie inside the image of {width}x{height}")
