"""Boxes by file name, on disk: as many as there are images, in whatever order their file has them."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.data import boxes as lines
from training.errors import DataError

if TYPE_CHECKING:
    from types import TracebackType


class Boxes:
    """The lines of an `annotations.jsonl`, each of which can be taken once.

    Raises
    ------
    DataError
        A line is wrong, or an image has two.
    """

    def __init__(self, path: Path, classes: int) -> None:
        self.path = path
        self._folder = tempfile.TemporaryDirectory()
        self._db = sqlite3.connect(Path(self._folder.name, "boxes.sqlite"), isolation_level=None)
        self._db.execute("pragma synchronous = off")
        self._db.execute("pragma journal_mode = off")
        self._db.execute("create table boxes (file text primary key, body text) without rowid")
        self._db.execute("begin")
        for number, (name, body) in enumerate(lines.bodies(path, classes), start=1):
            try:
                self._db.execute("insert into boxes values (?, ?)", [name, json.dumps(body)])
            except sqlite3.IntegrityError:
                remedy = "stands in the file twice; keep one line per image"
                raise DataError(f"{path}, line {number}, file", name, remedy) from None

    def take(self, file: str) -> dict[str, Any] | None:
        """Ground Truth's body of an image's boxes, or None where it has no line."""
        found = self._db.execute("delete from boxes where file = ? returning body", [file]).fetchone()
        return None if found is None else json.loads(found[0])

    def first_left(self) -> str | None:
        """A file whose boxes nobody took."""
        found = self._db.execute("select min(file) from boxes").fetchone()
        return found[0]

    def __enter__(self) -> Boxes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()
