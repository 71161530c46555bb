"""Which images are to be done and which are: a database in the folder of the versions, as long as it is unfinished.

SQLite keeps it out of memory, in the order of the names, and whole when the process is killed.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from training.data.augment.settings import stem_of
from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_TABLES = """
create table if not exists about (settings text);
create table if not exists sources (
    path text primary key, stem text unique, size integer, changed integer, boxes text, seen integer, done text
) without rowid;
create table if not exists held_out (digest text primary key, path text) without rowid;
"""


class Source(NamedTuple):
    """An image: path below the channel's folder, bytes, time of its last change (ns), boxes as JSON or None."""

    path: str
    size: int
    changed: int
    boxes: str | None


class Ledger:
    """The database; every method that changes it commits."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(_TABLES)
        found = self._db.execute("select settings from about").fetchone()
        if found is None:
            self._db.execute("insert into about values (?)", [json.dumps(settings)])
        elif (before := json.loads(found[0])) != settings:
            raise changed(path.parent.parent, before, settings)

    def close(self) -> None:
        self._db.close()

    def take_in(self, sources: Iterable[Source]) -> list[str]:
        """Learn what there is now; an image that has changed counts as not done.

        Returns
        -------
        paths that were there before and are no more

        Raises
        ------
        DataError
            Two images whose versions would have the same names.
        """
        known = """insert into sources values (?, ?, ?, ?, ?, 1, null) on conflict (path) do update set seen = 1,
            done = iif(size = excluded.size and changed = excluded.changed and boxes is excluded.boxes, done, null),
            size = excluded.size, changed = excluded.changed, boxes = excluded.boxes"""
        self._db.execute("begin")
        self._db.execute("update sources set seen = 0")
        for source in sources:
            row = (source.path, stem_of(source.path), source.size, source.changed, source.boxes)
            try:
                self._db.execute(known, row)
            except sqlite3.IntegrityError:
                other = self._db.execute("select path from sources where stem = ?", [row[1]]).fetchone()
                remedy = f"its versions would be named as those of {other[0]}; rename one of them"
                self._db.execute("rollback")
                raise DataError("--source", source.path, remedy) from None
        gone = [path for (path,) in self._db.execute("select path from sources where seen = 0 order by path")]
        self._db.execute("delete from sources where seen = 0")
        self._db.execute("commit")
        return gone

    def hold_out(self, digests: Iterable[tuple[str, str]]) -> None:
        """Remember digest and path of each image that judges the model."""
        self._db.execute("begin")
        self._db.execute("delete from held_out")
        self._db.executemany("insert or ignore into held_out values (?, ?)", digests)
        self._db.execute("commit")

    def held_out(self, digest: str) -> str | None:
        """The path of the same file among those held out."""
        found = self._db.execute("select path from held_out where digest = ?", [digest]).fetchone()
        return None if found is None else str(found[0])

    def counts(self) -> tuple[int, int]:
        """Images that are done, and all."""
        done, images = self._db.execute("select count(done), count(*) from sources").fetchone()
        return done, images

    def open(self) -> Iterator[Source]:
        """Images that are not done, by name; while this is read, others may be marked as done."""
        last = ""
        while True:
            query = (
                "select path, size, changed, boxes from sources where done is null and path > ? order by path limit 500"
            )
            found = self._db.execute(query, [last]).fetchall()
            yield from map(Source._make, found)
            if not found:
                return
            last = found[-1][0]

    def done(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Path of each image that is done, and what was said of it, by name."""
        with closing(self._db.execute("select path, done from sources where done is not null order by path")) as rows:
            for path, document in rows:
                yield path, json.loads(document)

    def finish(self, path: str, document: dict[str, Any]) -> None:
        """Mark an image as done."""
        self._db.execute("update sources set done = ? where path = ?", [json.dumps(document), path])

    def reopen(self, path: str) -> None:
        """Mark an image as not done."""
        self._db.execute("update sources set done = null where path = ?", [path])


def changed(out: Path, before: dict[str, Any], now: dict[str, Any]) -> DataError:
    """What to say where a folder was begun with other settings."""
    differ = ", ".join(name for name in now if before.get(name) != now[name])
    remedy = f"was begun with another {differ}; remove it, name another folder, or use the same settings"
    return DataError("--out", str(out), remedy)
