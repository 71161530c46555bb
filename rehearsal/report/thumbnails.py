"""Small pictures that travel inside the page, decoded and encoded anew so that nothing else travels with them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from functions.common.errors import FunctionError
from functions.common.images import read_header

LONGEST_SIDE = 160
FIGURE_SIDE = 1400
MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_PIXELS = 40_000_000
# Up to this, lossless pixels are smaller than a blurred JPEG and show what the model was really given.
LOSSLESS_SIDE = 64


@dataclass(frozen=True)
class Thumbnail:
    """A picture as a data URI, or the reason why there is none."""

    uri: str = ""
    problem: str = ""
    width: int = 0
    height: int = 0

    @property
    def coarse(self) -> bool:
        """True for images so small that a browser should show their pixels instead of a blur."""
        return 0 < max(self.width, self.height) <= LOSSLESS_SIDE


class Album:
    """Makes thumbnails until a budget of bytes is spent, so that a long run cannot make an unopenable page."""

    def __init__(self, folder: Path, budget_bytes: int = 4 * 1024 * 1024) -> None:
        self._folder = folder
        self._left = budget_bytes

    def picture(self, path: str) -> Thumbnail:
        """Return the picture of a PNG or JPEG file, named absolutely or within the run's folder."""
        return self._taken(path, LONGEST_SIDE, lossless_side=LOSSLESS_SIDE)

    def figure(self, path: str) -> Thumbnail:
        """Return a plot or a sheet of pictures at the size it has, lossless so that its letters stay sharp."""
        return self._taken(path, FIGURE_SIDE, lossless_side=FIGURE_SIDE)

    def _taken(self, path: str, side: int, *, lossless_side: int) -> Thumbnail:
        if not path:
            return Thumbnail(problem="no picture recorded")
        if self._left <= 0:
            return Thumbnail(problem="left out to keep this page small")
        thumbnail = _thumbnail(self._folder / path, side, lossless_side)
        self._left -= len(thumbnail.uri)
        return thumbnail


def _thumbnail(path: Path, side: int, lossless_side: int) -> Thumbnail:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return Thumbnail(problem="the file is too large to show")
        content = path.read_bytes()
        header = read_header(lambda start, length: content[start : start + length], len(content))
    except OSError:
        return Thumbnail(problem="the file is not there any more")
    except FunctionError:
        return Thumbnail(problem="the file is no readable image")
    if header.width * header.height > MAX_PIXELS:
        return Thumbnail(problem="the image has too many pixels to show")
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        return Thumbnail(problem="the file is no readable image")
    return _encode(pixels, side, lossless_side)


def _encode(pixels: np.ndarray, side: int, lossless_side: int) -> Thumbnail:
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(height, width))
    if scale < 1:
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    lossless = max(width, height) <= lossless_side
    kind, options = ("png", []) if lossless else ("jpeg", [cv2.IMWRITE_JPEG_QUALITY, 82])
    _, encoded = cv2.imencode(f".{kind}", pixels, options)
    return Thumbnail(f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}", "", width, height)
