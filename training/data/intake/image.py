"""What is wrong with one image file, what training and the endpoint would make of it, and how it is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from training.data.intake import headers
from training.serving.errors import RequestError
from training.serving.headers import size_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PIXELS = 50_000_000
LEAST_SIDE = 8
"""Pixels; smaller ones show nothing that a network could learn from."""

_SUFFIXES = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "gif": (".gif",),
    "webp": (".webp",),
    "bmp": (".bmp",),
    "tiff": (".tif", ".tiff"),
}
_SERVED = frozenset({"png", "jpeg"})
_TWELVE_BITS = 4095


class Finding(NamedTuple):
    """Something wrong with a file.

    Attributes
    ----------
    kind
        One word or two, the same for the same trouble.
    what
        What it is, and what would come of it.
    remedy
        What to do.
    mended
        Whether `mend` can do it safely.
    """

    kind: str
    what: str
    remedy: str
    mended: bool = False


def look(name: str, body: bytes, *, most_pixels: int = MOST_PIXELS) -> list[Finding]:
    """Everything that is wrong with a file; nothing for a good one. Large images are not decoded."""
    if not body:
        return [Finding("empty", "has no bytes; training stops on it", "remove it, or fetch it again")]
    header = headers.read(body)
    if header is None:
        return [
            Finding("no image", "is no image that is known; training stops on it", "remove it, or convert it to PNG")
        ]
    if header.width * header.height > most_pixels:
        what = f"has {header.width}x{header.height} pixels, more than {most_pixels}; the endpoint refuses it"
        return [Finding("huge", what, "reduce it")]
    damage = _damage(header, body)
    if damage:
        return [damage]
    return [*_format(name, header), *_pixels(header, body)]


def decode(body: bytes, channels: int = 3) -> NDArray[np.uint8] | None:
    """Pixels as training and the endpoint see them, upright: (height, width, 3) BGR or (height, width); None: none."""
    way = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    try:
        image = cv2.imdecode(np.frombuffer(body, np.uint8), way)
    except cv2.error:
        return None
    return None if image is None else image.astype(np.uint8, copy=False)


def mend(body: bytes) -> bytes:
    """The same picture as an upright PNG of 8 bits per channel, in grey or RGB, for what `look` says can be mended."""
    image: Any = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_ANYCOLOR)
    ok, encoded = cv2.imencode(".png", image)
    if not ok:
        raise OSError("an image could not be encoded as PNG")
    return encoded.tobytes()


def _damage(header: headers.Header, body: bytes) -> Finding | None:
    remedy = "remove it, or fetch it again"
    if header.kind in _SERVED:
        try:
            size_of(body)
        except RequestError as error:
            return Finding("truncated", f"is {error.value}; decoders fill the rest with grey", remedy)
    if decode(body) is None:
        return Finding("corrupt", f"is a {header.kind.upper()} that cannot be decoded; training stops on it", remedy)
    return None


def _format(name: str, header: headers.Header) -> list[Finding]:
    found = []
    suffix = "." + name.rpartition(".")[2].lower()
    if suffix not in _SUFFIXES[header.kind]:
        what = f"is a {header.kind.upper()} by its content, not by its name"
        found.append(Finding("wrong name", what, f"name it {_SUFFIXES[header.kind][0]}", mended=True))
    still = header.frames == 1
    if not still:
        what = "moves; training would see its first picture and the endpoint may see another"
        found.append(Finding("animated", what, "choose one of its pictures"))
    if header.kind not in _SERVED:
        what = f"is a {header.kind.upper()}; the endpoint takes PNG and JPEG"
        found.append(Finding("format", what, "convert it to PNG", mended=still))
    return found


def _pixels(header: headers.Header, body: bytes) -> list[Finding]:
    found = []
    if header.inks:
        what = "is in CMYK; its colours depend on who converts them"
        found.append(Finding("CMYK", what, "convert it to RGB", mended=True))
    if header.bits > 8:
        full = _reaches_up(body)
        what = f"has {header.bits} bits per channel; training and the endpoint see the upper 8"
        remedy = "convert it to 8 bits" if full else "uses the lower bits alone and would be black: scale it to 8 bits"
        found.append(Finding("16 bits", what, remedy, mended=full))
    if header.orientation != 1:
        what = (
            f"is to be turned (Exif orientation {header.orientation}); boxes may have been drawn before or after that"
        )
        found.append(Finding("turned", what, "write it upright, and check its boxes", mended=True))
    image = decode(body)
    if image is not None and min(image.shape[:2]) < LEAST_SIDE:
        what = f"has {image.shape[1]}x{image.shape[0]} pixels, which show nothing"
        found.append(Finding("tiny", what, f"remove it; a side has {LEAST_SIDE} or more"))
    return found


def _reaches_up(body: bytes) -> bool:
    """Whether a deep image uses its upper bits: one of 12 bits in 16 would lose all but the lightest."""
    image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED)
    return image is not None and int(image.max()) > _TWELVE_BITS
