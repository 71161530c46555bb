"""What the first bytes of an image file say, without decoding it: format, size, depth, colours, frames, orientation.

PNG: W3C PNG specification, third edition, sections 5 and 11. JPEG: ITU-T T.81, annex B; Adobe's APP14 and Exif's APP1
segments. GIF: GIF89a specification, sections 17 to 23. WebP: RFC 9649, section 2. Exif: CIPA DC-008, tag 274.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import error as StructError  # noqa: N812  an error is a class
from struct import unpack_from

_ORIENTATION = 274
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a file before it is decoded.

    Attributes
    ----------
    kind
        `png`, `jpeg`, `gif`, `webp`, `bmp` or `tiff`.
    width, height
        Pixels as they are stored, before any turning; 0 where the header does not say.
    bits
        Per channel.
    inks
        Whether the channels are CMYK.
    frames
        2 where there is more than one.
    orientation
        Exif's, 1 to 8; 1 is upright.
    """

    kind: str
    width: int = 0
    height: int = 0
    bits: int = 8
    inks: bool = False
    frames: int = 1
    orientation: int = 1


def read(body: bytes) -> Header | None:
    """The header of an image file; None for what is none of the six formats."""
    for start, reader in _READERS.items():
        if body.startswith(start):
            try:
                return reader(body)
            except (StructError, IndexError):
                # It breaks off within the header.
                return Header(reader.__name__.removeprefix("_"))
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        try:
            return _webp(body)
        except (StructError, IndexError):
            return Header("webp")
    return None


def _png(body: bytes) -> Header:
    width, height, bits = unpack_from(">IIB", body, 16)
    frames, orientation, at = 1, 1, 8
    while at + 8 <= len(body):
        (length,) = unpack_from(">I", body, at)
        kind = body[at + 4 : at + 8]
        if kind == b"acTL":
            frames = min(unpack_from(">I", body, at + 8)[0], 2)
        elif kind == b"eXIf":
            orientation = _exif(body[at + 8 : at + 8 + length])
        at += 12 + length
    return Header("png", width, height, bits, frames=max(frames, 1), orientation=orientation)


def _jpeg(body: bytes) -> Header:
    at, found, orientation = 2, Header("jpeg"), 1
    while at + 4 <= len(body) and body[at] == 0xFF:
        marker = body[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = unpack_from(">H", body, at + 2)
        if marker == 0xE1 and body[at + 4 : at + 10] == b"Exif\0\0":
            orientation = _exif(body[at + 10 : at + 2 + length])
        elif marker in _FRAMES:
            bits, height, width, channels = unpack_from(">BHHB", body, at + 4)
            found = Header("jpeg", width, height, bits, inks=channels == 4)
        elif marker == 0xDA:
            break
        at += 2 + length
    return Header("jpeg", found.width, found.height, found.bits, found.inks, 1, orientation)


def _gif(body: bytes) -> Header:
    width, height, flags = unpack_from("<HHB", body, 6)
    at, frames = 13 + _palette(flags), 0
    while at < len(body) and frames < 2 and body[at] in {0x21, 0x2C}:
        if body[at] == 0x2C:
            frames += 1
            at += 11 + _palette(body[at + 9])
        else:
            at += 2
        while body[at]:  # blocks of up to 255 bytes, until an empty one
            at += 1 + body[at]
        at += 1
    return Header("gif", width, height, frames=max(frames, 1))


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(body: bytes) -> Header:
    if body[12:16] == b"VP8 ":
        return Header("webp", *(side & 0x3FFF for side in unpack_from("<HH", body, 26)))
    if body[12:16] == b"VP8L":
        (sides,) = unpack_from("<I", body, 21)
        return Header("webp", (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1)
    width, height = (1 + int.from_bytes(body[at : at + 3], "little") for at in (24, 27))
    moves, orientation, at = bool(body[20] & 2), 1, 12
    while at + 8 <= len(body):
        (length,) = unpack_from("<I", body, at + 4)
        if body[at : at + 4] == b"EXIF":
            orientation = _exif(body[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + length % 2
    return Header("webp", width, height, frames=2 if moves else 1, orientation=orientation)


def _bmp(body: bytes) -> Header:
    width, height = unpack_from("<ii", body, 18)
    return Header("bmp", width, abs(height))


def _tiff(body: bytes) -> Header:
    order = "<" if body[:2] == b"II" else ">"
    tags, following = _directory(body, order)
    # BitsPerSample, 258, has one value per channel, which lie elsewhere where there are more than two.
    bits = tags.get(258, (1, 8))
    depth = unpack_from(order + "H", body, bits[1])[0] if bits[0] > 2 else bits[1]
    width, height = (tags.get(tag, (1, 0))[1] for tag in (256, 257))
    inks = tags.get(262, (1, 0))[1] == 5
    return Header("tiff", width, height, depth, inks, 2 if following else 1, tags.get(_ORIENTATION, (1, 1))[1])


def _exif(body: bytes) -> int:
    """Orientation in a block of Exif, which is a TIFF; 1 where it says none, or nonsense."""
    if body[:2] not in {b"II", b"MM"}:
        return 1
    try:
        tags, _ = _directory(body, "<" if body[:2] == b"II" else ">")
    except StructError:
        return 1
    found = tags.get(_ORIENTATION, (1, 1))[1]
    return found if 1 <= found <= 8 else 1


def _directory(body: bytes, order: str) -> tuple[dict[int, tuple[int, int]], int]:
    """The first directory of a TIFF: count and value (or where the values lie) by tag; and where the next lies."""
    (at,) = unpack_from(order + "I", body, 4)
    (entries,) = unpack_from(order + "H", body, at)
    tags = {}
    for entry in range(min(entries, 200)):
        tag, kind, count = unpack_from(order + "HHI", body, at + 2 + 12 * entry)
        short = kind == 3 and count <= 2
        tags[tag] = count, unpack_from(order + ("H" if short else "I"), body, at + 10 + 12 * entry)[0]
    (following,) = unpack_from(order + "I", body, at + 2 + 12 * entries)
    return tags, following


_READERS = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8\xff": _jpeg,
    b"GIF87a": _gif,
    b"GIF89a": _gif,
    b"BM": _bmp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
}
