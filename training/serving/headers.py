"""Read an image's size from its first bytes and see whether its end is there, before anything is decoded.

A decoder would allocate whatever the header claims, and fills the missing part of a truncated file with grey.
"""

from __future__ import annotations

from struct import unpack_from
from zlib import crc32

from training.serving.errors import RequestError

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_REMEDY = "send a whole PNG or JPEG file"


def size_of(body: bytes) -> tuple[int, int, str]:
    """Width, height and format (`png` or `jpeg`) of an image.

    Raises
    ------
    RequestError
        400: not a PNG or JPEG, or one that breaks off.
    """
    if body.startswith(_PNG):
        return *_png(body), "png"
    if body.startswith(_JPEG):
        return *_jpeg(body), "jpeg"
    if not body:
        raise RequestError(400, "body", "empty", _REMEDY)
    raise RequestError(400, "body", f"{len(body)} bytes", f"is neither PNG nor JPEG; {_REMEDY}")


def _png(body: bytes) -> tuple[int, int]:
    """Walk the chunks and check them: an image is whole when IEND is reached (PNG specification, section 5)."""
    if len(body) < 33 or body[12:16] != b"IHDR":
        raise RequestError(400, "body", "a PNG without header", _REMEDY)
    width, height = unpack_from(">II", body, 16)
    view, at = memoryview(body), 8
    while at + 12 <= len(body):
        (length,) = unpack_from(">I", body, at)
        end = at + 12 + length
        if end > len(body):
            break
        if crc32(view[at + 4 : end - 4]) != unpack_from(">I", body, end - 4)[0]:
            raise RequestError(400, "body", f"a PNG that is damaged near byte {at}", _REMEDY)
        if body[at + 4 : at + 8] == b"IEND":
            return width, height
        at = end
    raise RequestError(400, "body", f"a PNG that breaks off after {len(body)} bytes", _REMEDY)


def _jpeg(body: bytes) -> tuple[int, int]:
    """Follow the segments to the frame header and the scan, then look for the end marker (ITU-T T.81, annex B)."""
    at, size = 2, None
    while at + 4 <= len(body):
        if body[at] != 0xFF:
            break
        marker = body[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        (length,) = unpack_from(">H", body, at + 2)
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC} and at + 9 <= len(body):
            height, width = unpack_from(">HH", body, at + 5)
            size = width, height
        if marker == 0xDA:
            if size is None or body.rfind(b"\xff\xd9") < at:
                break
            return size
        at += 2 + length
    raise RequestError(400, "body", f"a JPEG that breaks off or is damaged within {len(body)} bytes", _REMEDY)
