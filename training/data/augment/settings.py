"""What an augmentation makes, and how its files are named."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from training.data.augment.policy import Policy
from training.errors import DataError

FORMATS = ("jpg", "png")
MOST_COPIES = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything besides the images that decides about the bytes.

    Attributes
    ----------
    copies
        Versions of each image.
    format, quality
        `jpg` with a quality of 1 to 100, or `png`, which takes five times as long to write.

    Raises
    ------
    DataError
        A number or a format that cannot be.
    """

    copies: int
    seed: int = 7
    policy: Policy = field(default_factory=Policy)
    format: str = "jpg"
    quality: int = 95

    def __post_init__(self) -> None:
        if not 1 <= self.copies <= MOST_COPIES:
            raise DataError("--copies", self.copies, f"must be a number from 1 to {MOST_COPIES}")
        if not 0 <= self.seed < 2**32:
            raise DataError("--seed", self.seed, f"must lie between 0 and {2**32 - 1}")
        if self.format not in FORMATS:
            raise DataError("--format", self.format, f"must be one of {', '.join(FORMATS)}")
        if not 1 <= self.quality <= 100:
            raise DataError("--quality", self.quality, "must be a number from 1 to 100")

    def described(self) -> dict[str, Any]:
        """The settings and the libraries that made the bytes, as JSON has them."""
        made_by = {"opencv": cv2.__version__, "numpy": np.__version__}
        described: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self) | {"made_by": made_by}))
        return described

    def files(self, source: str) -> list[str]:
        """Paths of the versions of `source`, relative to the folder of all versions."""
        stem = stem_of(source)
        digits = len(str(self.copies))
        return [f"{stem}-{copy:0{digits}}.{self.format}" for copy in range(1, self.copies + 1)]


def stem_of(source: str) -> str:
    """The path without the last part's suffix."""
    folder, slash, name = source.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)
