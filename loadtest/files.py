"""Files that are whole or not there at all, whenever a person interrupts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str, *, mode: int | None = None) -> Path:
    """Replace a file as a whole, keep line ends as they are, and return its path; ``mode`` sets its permissions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(text.encode("utf-8"))
        if mode is not None:
            part.chmod(mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def write_json(path: Path, content: Any) -> Path:
    """Write JSON; see `write_text`."""
    return write_text(path, json.dumps(content, indent=1) + "\n")
