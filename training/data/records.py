"""What every data source hands over, whatever it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Records:
    """Labelled images of one source.

    Attributes
    ----------
    images
        uint8 array of shape (n, height, width, 3), RGB.
    labels
        Integer array of shape (n,), positions in `classes`.
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
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: list[str]
    is_test: NDArray[np.bool_] | None
    classes: tuple[str, ...]
    source: str
    synthetic: bool
    origin: dict[str, str] = field(default_factory=dict)
