"""What earlier runs have read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from training.monitoring.errors import MonitoringError
from training.monitoring.seen import Seen

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from training.monitoring.sources import Source

LIMIT = 10_000_000
"""Ids of a generation: 160 MB."""


class Ledger:
    """Files and ids that earlier runs have read, so that the next run takes what came late, and only that.

    There are two generations of each: a full one becomes the older, and the older is forgotten. A file that is still
    listed moves to the newer, so that what is forgotten is what no run comes across any more.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._files: list[dict[str, str]] = [{}, {}]
        self._seen = [Seen(), Seen()]

    def __len__(self) -> int:
        return sum(len(seen) for seen in self._seen)

    def knows(self, source: Source) -> bool:
        """Whether a file has been read as it is now."""
        new, old = self._files
        if old.get(source.name) == source.version:
            new[source.name] = old.pop(source.name)
        return new.get(source.name) == source.version

    def note(self, source: Source) -> None:
        """A file has been read to its end."""
        self._files[0][source.name] = source.version

    def add(self, digests: list[bytes]) -> NDArray[np.bool_]:
        """Take ids in; true where one is new."""
        new, old = self._seen
        return new.add(digests) & ~old.holds(digests)

    @classmethod
    def load(cls, folder: Path, limit: int = LIMIT) -> Ledger:
        """Read the ledger of a folder; an empty folder has an empty one."""
        ledger = cls(limit)
        if not (path := folder / "files.json").exists():
            return ledger
        try:
            ledger._files = [dict(files) for files in json.loads(path.read_text(encoding="utf-8"))]
            ledger._seen = [Seen.load(folder / "seen-0.npy"), Seen.load(folder / "seen-1.npy")]
        except (OSError, ValueError, TypeError) as error:
            raise MonitoringError("state", str(folder), f"is damaged ({error}): start a new one") from None
        return ledger

    def save(self, folder: Path) -> None:
        """Write it; a run that dies on the way leaves files that are read again, never ids that are forgotten."""
        folder.mkdir(parents=True, exist_ok=True)
        if len(self._seen[0]) > self._limit:
            self._files = [{}, self._files[0]]
            self._seen = [Seen(), self._seen[0]]
        # The older first: on the way from one to the other, an id may lie in both, but not in none.
        for place in (1, 0):
            self._seen[place].save(folder / "seen.new")
            (folder / "seen.new").replace(folder / f"seen-{place}.npy")
        (folder / "files.new").write_text(json.dumps(self._files), encoding="utf-8")
        (folder / "files.new").replace(folder / "files.json")
