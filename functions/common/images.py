"""PNG and JPEG headers in pure Python: format and dimensions from as few bytes as possible, nothing decoded.

Sources: PNG specification (third edition) 5.2, 5.3 and 11.2.1; ITU-T T.81 (JPEG) annex B.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

from .errors import TruncatedImage, UnsupportedImage

# Bytes asked for at a time: most headers, and whole small images, come in the first piece.
PIECE_BYTES = 65536
# JPEG metadata (EXIF, colour profile, previews) may push the frame header far back; more pieces than this is abuse.
MAX_PIECES = 24

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_OTHERS = (
    (b"GIF8", "GIF"),
    (b"RIFF", "WebP or another RIFF file"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"<", "HTML, XML or SVG"),
    (b"{", "JSON"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
)
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended and progressive Huffman: what common decoders take
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}  # lossless, hierarchical, arithmetic
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_CONVERT = "Convert it to an ordinary PNG or JPEG"
_AGAIN = "Upload it again"

Read = Callable[[int, int], bytes]


class Header(NamedTuple):
    """What the header says: ``format`` png or jpeg, dimensions in pixels."""

    format: str
    width: int
    height: int


def read_header(read: Read, size: int) -> Header:
    """Tell format and dimensions, and that the image's end is there.

    Parameters
    ----------
    read
        ``read(start, length)`` returns that range of the object, shorter only at its end.
    size
        The object's size in bytes.

    Raises
    ------
    UnsupportedImage
        Not PNG or JPEG by its first bytes, or a kind or a header that decoders refuse.
    TruncatedImage
        The object ends inside the header, or lacks the format's end marker in its last 64 KiB (so much may follow
        the image: some cameras append data).
    """
    if size == 0:
        raise TruncatedImage("image.size", 0, "the object is empty", _AGAIN)
    window = _Window(read, size)
    start = window.at(0, min(size, len(_PNG_SIGNATURE)))
    if start == _PNG_SIGNATURE:
        header, end = _png(window), _PNG_END
    elif start.startswith(b"\xff\xd8\xff"):
        header, end = _jpeg(window), b"\xff\xd9"
    elif _PNG_SIGNATURE.startswith(start) or b"\xff\xd8\xff".startswith(start):
        raise TruncatedImage("image.size", size, "the object ends inside the image's signature", _AGAIN)
    else:
        known = next((name for magic, name in _OTHERS if start.startswith(magic)), "an unknown format")
        raise UnsupportedImage("image.format", start.hex(), f"the first bytes say {known}, not PNG or JPEG", _CONVERT)
    tail = min(size, PIECE_BYTES)
    if end not in window.at(size - tail, tail):
        raise TruncatedImage(
            "image.size", size, f"the {header.format} end marker is missing from the last {tail} bytes", _AGAIN
        )
    return header


class _Window:
    """The object as far as it has been read, one piece at a time."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self._size = size
        self._start = 0
        self._data = b""
        self._pieces = 0

    def at(self, start: int, length: int) -> bytes:
        """Return exactly that range, fetching a new piece when it is not in the present one."""
        if start + length > self._size:
            raise TruncatedImage("image.size", self._size, "the object ends inside the image's header", _AGAIN)
        offset = start - self._start
        if offset < 0 or offset + length > len(self._data):
            self._fetch(start)
            offset = 0
        found = self._data[offset : offset + length]
        if len(found) < length:
            raise TruncatedImage("image.size", self._size, "S3 gave fewer bytes than the object has", _AGAIN)
        return found

    def _fetch(self, start: int) -> None:
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            raise UnsupportedImage(
                "image.header", start, f"the dimensions are not within the first {MAX_PIECES} pieces read", _CONVERT
            )
        self._start, self._data = start, self._read(start, min(PIECE_BYTES, self._size - start))


def _png(window: _Window) -> Header:
    length, kind = struct.unpack(">I4s", window.at(8, 8))
    if kind != b"IHDR" or length != 13:
        raise UnsupportedImage("image.header", kind, "the first PNG chunk is not IHDR", _CONVERT)
    body = window.at(16, 13)
    (checksum,) = struct.unpack(">I", window.at(29, 4))
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if zlib.crc32(kind + body) != checksum:
        raise UnsupportedImage("image.header", body.hex(), "the PNG header's checksum is wrong", _AGAIN)
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        raise UnsupportedImage("image.header", f"{width}x{height}", "these dimensions are not allowed", _CONVERT)
    if depth not in _PNG_DEPTHS.get(colour, ()) or (compression, filtering) != (0, 0) or interlace > 1:
        raise UnsupportedImage("image.header", body.hex(), "depth, colour or method are not in the standard", _CONVERT)
    return Header("png", width, height)


def _jpeg(window: _Window) -> Header:
    position = 2
    while True:
        lead, marker = window.at(position, 2)
        if lead != 0xFF:
            raise UnsupportedImage("image.header", f"byte {position}", "no JPEG marker where one must be", _CONVERT)
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        position += 2
        if marker in _ALONE:
            continue
        if marker in {0xD8, 0xD9, 0xDA}:
            raise UnsupportedImage("image.header", f"ff{marker:02x}", "no frame header before the image data", _CONVERT)
        if marker in _OTHER_FRAMES:
            raise UnsupportedImage("image.header", f"ff{marker:02x}", "lossless, hierarchical or arithmetic", _CONVERT)
        (length,) = struct.unpack(">H", window.at(position, 2))
        if length < 2:
            raise UnsupportedImage("image.header", length, "a JPEG segment is shorter than its own length", _CONVERT)
        if marker in _FRAMES:
            return _jpeg_frame(window.at(position, min(length, 8)))
        position += length


def _jpeg_frame(segment: bytes) -> Header:
    if len(segment) < 8:
        raise UnsupportedImage("image.header", segment.hex(), "the JPEG frame header is too short", _CONVERT)
    precision, height, width, components = struct.unpack(">BHHB", segment[2:8])
    if precision != 8 or components not in {1, 3, 4} or not width or not height:
        described = f"{width}x{height}, {components} components of {precision} bits"
        raise UnsupportedImage("image.header", described, "decoders refuse such a JPEG", _CONVERT)
    return Header("jpeg", width, height)
