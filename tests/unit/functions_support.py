"""Loads handlers the way Lambda does (from a folder that holds handler.py and common/), and draws tiny images."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import json
import logging
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from moto.server import ThreadedMotoServer

REPOSITORY = Path(__file__).resolve().parents[2]
FUNCTIONS = REPOSITORY / "functions"
BUCKET = "slipway-test-123456789012-data"

# In a zip, common/ lies beside handler.py. One copy for all handlers, so that error classes can be compared.
if str(FUNCTIONS) not in sys.path:
    sys.path.append(str(FUNCTIONS))


@functools.cache
def load(name: str) -> ModuleType:
    """Import one function's handler under a name of its own, once: its clients take a while to make."""
    spec = importlib.util.spec_from_file_location(f"handler_{name}", FUNCTIONS / name / "handler.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def common(name: str) -> ModuleType:
    """Import one module of functions/common under the name the handlers know it by."""
    return importlib.import_module(f"common.{name}")


@contextlib.contextmanager
def moto_server() -> Iterator[str]:
    """Serve this process's moto over HTTP, since the handlers speak it without botocore's clients; yields the URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@dataclass
class Context:
    """What the handlers use of Lambda's context; ``steps`` are the remaining milliseconds, one per question."""

    steps: tuple[int, ...] = (60_000,)
    aws_request_id: str = "request-1"
    asked: int = 0

    def get_remaining_time_in_millis(self) -> int:
        """Answer like Lambda, along ``steps``; the last one stays."""
        self.asked += 1
        return self.steps[min(self.asked, len(self.steps)) - 1]


def png(width: int = 4, height: int = 3, *, depth: int = 8, colour: int = 2) -> bytes:
    """Return a valid PNG of zeros."""
    rows = (b"\0" + b"\0" * (3 * width)) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def jpeg(width: int = 4, height: int = 3, *, frame: int = 0xC0, metadata: int = 0, components: int = 3) -> bytes:
    """Return bytes with a JPEG's structure; ``metadata`` bytes of application segments stand before the frame."""
    segments = b""
    while metadata > 0:
        size = min(metadata, 65000)
        segments += b"\xff\xe1" + struct.pack(">H", size + 2) + b"\0" * size
        metadata -= size
    body = struct.pack(">BHHB", 8, height, width, components) + b"\x01\x11\x00" * components
    header = b"\xff" + bytes([frame]) + struct.pack(">H", len(body) + 2) + body
    return b"\xff\xd8" + segments + header + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12" * 40 + b"\xff\xd9"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def events_of(output: str) -> list[dict[str, Any]]:
    """Return the log lines in captured output."""
    return [json.loads(one) for one in output.splitlines() if one.startswith("{")]
