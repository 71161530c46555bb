"""Bodies that no server of images may accept: damaged, empty, too large, of another kind, or lying about their size."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

from rehearsal.faults import model

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

LARGEST = 6_291_456  # bytes of an InvokeEndpoint body
_MODELS_LARGEST = 100_000
_ONE_TOO_LARGE_IN = 100
_OTHER_TYPES = ("text/html", "application/pdf", "image/gif", "a/b/c", "multipart/form-data")
_NO_INSTANCES: tuple[Any, ...] = ([], "x", [{}], [{"b64": "%"}], [{"b64": 7}], None)

Body = tuple[bytes, str]


def bodies(count: int, dice: random.Random) -> Iterator[Body]:
    """Yield bodies with their content types."""
    images = [
        (model.picture(colour, suffix), kind)
        for colour in model.CLASSES
        for suffix, kind in ((".png", "image/png"), (".jpg", "image/jpeg"))
    ]
    for number in range(count):
        if number % _ONE_TOO_LARGE_IN == 0:
            yield bytes(LARGEST + 1 + dice.randrange(1000)), "image/png"
        else:
            yield dice.choice(_WAYS)(*dice.choice(images), dice)


def _noise(_image: bytes, kind: str, dice: random.Random) -> Body:
    return dice.randbytes(dice.randrange(1, 5000)), kind


def _nothing(_image: bytes, kind: str, _dice: random.Random) -> Body:
    return b"", kind


def _cut_short(image: bytes, kind: str, dice: random.Random) -> Body:
    return image[: dice.randrange(1, len(image) - 12)], kind


def _other_beginning(image: bytes, kind: str, dice: random.Random) -> Body:
    return dice.randbytes(8) + image[8:], kind


def _more_than_the_model_takes(image: bytes, kind: str, dice: random.Random) -> Body:
    return image + dice.randbytes(_MODELS_LARGEST), kind


def _more_pixels_than_bytes(_image: bytes, _kind: str, dice: random.Random) -> Body:
    return _png(dice.randrange(5000, 60_000), dice.randrange(5000, 60_000)), "image/png"


def _no_pixels(_image: bytes, _kind: str, dice: random.Random) -> Body:
    return _png(0, dice.randrange(100)), "image/png"


def _of_another_kind(image: bytes, _kind: str, dice: random.Random) -> Body:
    return image, dice.choice(_OTHER_TYPES)


def _no_instances(_image: bytes, _kind: str, dice: random.Random) -> Body:
    return json.dumps({"instances": dice.choice(_NO_INSTANCES)}).encode(), "application/json"


def _deep(_image: bytes, _kind: str, dice: random.Random) -> Body:
    return b"[" * dice.randrange(1, 30_000), "application/json"


def _no_json(_image: bytes, _kind: str, dice: random.Random) -> Body:
    return dice.randbytes(200), "application/json"


_WAYS = (
    _noise, _nothing, _cut_short, _other_beginning, _more_than_the_model_takes, _more_pixels_than_bytes, _no_pixels,
    _of_another_kind, _no_instances, _deep, _no_json,
)  # fmt: skip


def _png(width: int, height: int) -> bytes:
    """Return a PNG that says it is this large and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
