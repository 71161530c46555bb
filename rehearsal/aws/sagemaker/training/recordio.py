"""MXNet's RecordIO framing, as SageMaker wraps objects and attributes for a pipe.

A record is magic number, length with a flag, data, and zeros up to a multiple of four bytes; numbers have 32 bits,
little endian. Where the data itself holds the magic number at a multiple of four bytes, the record is cut there into
parts and the number left out, so that a reader may look for the next record anywhere. The flag (upper 3 bits of the
length) says which part follows: 0 whole, 1 first, 2 middle, 3 last.
Source: https://mxnet.apache.org/versions/1.9.1/api/architecture/note_data_loading, dmlc-core's ``recordio.h``.
"""

from __future__ import annotations

import struct

_MAGIC = struct.pack("<I", 0xCED7230A)
_LONGEST = (1 << 29) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


def wrap(data: bytes) -> bytes:
    """Return one record.

    Raises
    ------
    ValueError
        When the data does not fit: 29 bits hold its length.
    """
    if len(data) > _LONGEST:
        raise ValueError(f"a RecordIO record holds at most {_LONGEST} bytes, not {len(data)}")
    parts = _parts(data)
    if len(parts) == 1:
        return _part(_WHOLE, data)
    flags = [_FIRST, *[_MIDDLE] * (len(parts) - 2), _LAST]
    return b"".join(_part(flag, part) for flag, part in zip(flags, parts, strict=True))


def _parts(data: bytes) -> list[bytes]:
    parts, begun, at = [], 0, data.find(_MAGIC)
    while at >= 0:
        if at % 4 == 0:
            parts.append(data[begun:at])
            begun = at + 4
        at = data.find(_MAGIC, at + 1 if at % 4 else at + 4)
    return [*parts, data[begun:]]


def _part(flag: int, data: bytes) -> bytes:
    return _MAGIC + struct.pack("<I", flag << 29 | len(data)) + data + bytes(-len(data) % 4)
