"""From the bytes of a PNG or JPEG to pixels at the model's size."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import cv2
import numpy as np

from training.serving.errors import RequestError
from training.serving.headers import size_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

_FLAGS = {
    3: {
        8: cv2.IMREAD_REDUCED_COLOR_8,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        1: cv2.IMREAD_COLOR,
    },
    1: {
        8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
        4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
        2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
        1: cv2.IMREAD_GRAYSCALE,
    },
}
"""How to decode by channels and by the factor of reduction, the largest first."""


class Picture(NamedTuple):
    """A decoded image.

    Attributes
    ----------
    pixels
        Shape (height, width, 3) at the model's size, BGR as OpenCV has it; (height, width) for a model that takes grey.
    width, height
        Of the image as it was sent, upright: turned as its EXIF orientation says, which is how it is looked at.
    """

    pixels: Pixels
    width: int
    height: int


class Wanted(Protocol):
    """What decoding needs to know of a model."""

    @property
    def channels(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def max_image_bytes(self) -> int: ...
    @property
    def max_image_pixels(self) -> int: ...


def decode(model: Wanted, body: bytes) -> Picture:
    """Pixels of an image at the model's size, and the size that it came in.

    Raises
    ------
    RequestError
        400 for something that is no whole PNG or JPEG, 413 for one above the limits.
    """
    if len(body) > model.max_image_bytes:
        remedy = f"an image may have {model.max_image_bytes} bytes; send a smaller one"
        raise RequestError(413, "image bytes", len(body), remedy)
    width, height, kind = size_of(body)
    if width * height > model.max_image_pixels or not width or not height:
        remedy = f"an image may have 1 to {model.max_image_pixels} pixels; reduce it"
        raise RequestError(413 if width and height else 400, "image size", f"{width}x{height}", remedy)
    if model.channels == 1 and kind == "png" and body[24] == 16:
        # Grey pictures of 16 bits come from DICOM files that use 10 to 14 of them; the upper 8 would be nearly black.
        raise RequestError(400, "bits per pixel", 16, "apply the DICOM file's window and send 8 bits")
    factor = _reduction(model, width, height, kind)
    image = cv2.imdecode(np.frombuffer(body, np.uint8), _FLAGS[model.channels][factor])
    if image is None:
        raise RequestError(400, "body", f"a {kind} of {width}x{height}", "cannot be decoded; send an undamaged file")
    if image.shape[:2] != (-(-height // factor), -(-width // factor)):
        width, height = height, width  # the decoder has set it upright
    if image.shape[:2] != (model.height, model.width):
        shrinks = image.shape[0] >= model.height and image.shape[1] >= model.width
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        image = cv2.resize(image, (model.width, model.height), interpolation=way)
    return Picture(image.astype(np.uint8, copy=False), width, height)


def _reduction(model: Wanted, width: int, height: int, kind: str) -> int:
    """Let the JPEG decoder itself reduce large images, which costs a fraction of decoding them whole."""
    if kind == "jpeg":
        for factor in (8, 4, 2):
            fits = _reduces_well(width, factor, model.width) and _reduces_well(height, factor, model.height)
            # Two lengths that become one would hide whether the decoder has turned the image.
            if fits and (width == height or -(-width // factor) != -(-height // factor)):
                return factor
    return 1


def _reduces_well(length: int, factor: int, wanted: int) -> bool:
    """Whether the picture stays what it would be if all of it were averaged.

    Something must be left to average, and the decoder rounds up: a length of 150 reduced by 4 is 38, which stands for
    152, so that the picture is moved. Less than a sixteenth of the model's pixels cannot be seen.
    """
    return length >= 2 * factor * wanted and 16 * (-length % factor) * wanted <= length
