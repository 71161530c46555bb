"""A whole image from S3 or from elsewhere, checked before anybody decodes it."""

from __future__ import annotations

from typing import NamedTuple

from . import images
from .errors import ImageTooLarge, TruncatedImage
from .events import ImageReference, address
from .storage import Caller, read_range


class Photo(NamedTuple):
    """An image's bytes and header; ``version`` is None where the bucket keeps none, ``etag`` as S3 writes it."""

    data: bytes
    header: images.Header
    version: str | None
    etag: str


def fetch(caller: Caller, image: ImageReference, max_bytes: int, max_pixels: int) -> Photo:
    """Read one object, no more of it than allowed.

    Raises
    ------
    ImageTooLarge, UnsupportedImage, TruncatedImage, ImageNotFound, ImageUnreadable, StorageUnavailable, InvalidEvent,
    OutOfTime
    """
    piece = read_range(caller, image, 0, max_bytes + 1)
    if piece.size > max_bytes:
        raise ImageTooLarge(
            "image.size", piece.size, f"is above the limit of {max_bytes} bytes (MAX_IMAGE_BYTES)", "Shrink the image"
        )
    if len(piece.data) != piece.size:
        raise TruncatedImage(
            "image.size", piece.size, f"S3 gave {len(piece.data)} bytes of {address(**image)}", "Try again"
        )
    return Photo(piece.data, header(piece.data, max_pixels), piece.version, piece.etag)


def header(data: bytes, max_pixels: int) -> images.Header:
    """Return the header of a whole image.

    Raises
    ------
    ImageTooLarge
        More pixels than allowed: a few bytes can hold a picture that fills any memory.
    UnsupportedImage, TruncatedImage
    """
    found = images.read_header(lambda start, length: data[start : start + length], len(data))
    if found.width * found.height > max_pixels:
        raise ImageTooLarge(
            "image.pixels",
            f"{found.width}x{found.height}",
            f"is above the limit of {max_pixels} pixels (MAX_IMAGE_PIXELS)",
            "Scale the image down",
        )
    return found
