"""Labels meet predictions: late, in part, twice or contradicting each other, over as many runs as it takes.

Ground truth: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html. Both sides wait in
one SQLite file, so memory stays small and a label may come weeks after its prediction, or before it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from training.monitoring.errors import DamageError, MonitoringError
from training.monitoring.reader import Damage, lines
from training.monitoring.rows import csv_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from training.monitoring.ledger import Ledger
    from training.monitoring.sources import Source

BATCH = 5_000
KEPT_SECONDS = 400 * 86_400
"""How long a prediction waits for its label, and a label for its prediction."""

_SCHEMA = """
create table if not exists predictions (
    id text, row integer, value text not null, came integer not null, reported integer not null default 0,
    primary key (id, row)
) without rowid;
create table if not exists labels (
    id text, row integer, value text not null, came integer not null, primary key (id, row)
) without rowid;
"""
_FORGET = {
    "predictions": "delete from predictions where came < ?",
    "labels": "delete from labels where came < ?",
}
_JOIN = "select p.id, p.value, l.value from predictions p join labels l on l.id = p.id and l.row = p.row"
_JOIN_NEW = f"{_JOIN} where p.reported = 0"


class Truth:
    """Predictions and labels by inference id, and by row within a request of several.

    The first prediction of an id stays; of several labels the last one read counts, as a correction does.
    """

    def __init__(self, path: Path | None = None, now: float | None = None) -> None:
        self._now = int(time.time() if now is None else now)
        self.counts: Counter[str] = Counter()
        self.damage = Damage()
        try:
            self._store = sqlite3.connect("" if path is None else path, isolation_level=None)
            self._store.execute("pragma journal_mode = wal" if path else "pragma journal_mode = off")
            self._store.executescript(_SCHEMA)
            self._store.execute("begin immediate")
        except sqlite3.Error as error:
            raise MonitoringError("labels", str(path), f"is no store of labels that is free ({error})") from None

    def __enter__(self) -> Truth:
        return self

    def __exit__(self, *_: object) -> None:
        """Forget what has not been kept."""
        self._store.close()

    def predict(self, entries: Iterable[tuple[str, int, Any]]) -> None:
        """Take predictions: id, row within the request, anything JSON can hold."""
        values = [(_clean(key), row, json.dumps(value), self._now) for key, row, value in entries]
        before = self._store.total_changes
        self._store.executemany("insert or ignore into predictions (id, row, value, came) values (?, ?, ?, ?)", values)
        fresh = self._store.total_changes - before
        self.counts["predictions"] += fresh
        self.counts["predictions_repeated"] += len(values) - fresh

    def label(self, entries: Sequence[tuple[str, int, str]]) -> None:
        """Take labels: id, row within the request, label."""
        values = [(_clean(key), row, _clean(value), self._now) for key, row, value in entries]
        before = self._store.total_changes
        self._store.executemany("insert or ignore into labels values (?, ?, ?, ?)", values)
        fresh = self._store.total_changes - before
        # Those just put in are as they are; of the others, each that differs from what stands there corrects it.
        update = "update labels set value = ?3, came = ?4 where id = ?1 and row = ?2 and value <> ?3"
        self._store.executemany(update, values)
        corrected = self._store.total_changes - before - fresh
        self.counts["labels"] += fresh
        self.counts["labels_corrected"] += corrected
        self.counts["labels_repeated"] += len(values) - fresh - corrected

    def read(self, sources: Iterable[Source], ledger: Ledger | None = None) -> None:
        """Take the labels of ground truth files; with a ledger, of those that no earlier run has read."""
        batch: list[tuple[str, int, str]] = []
        for source in sources:
            if ledger is not None and ledger.knows(source):
                continue
            for number, line, whole in lines(source, self.damage):
                try:
                    batch += parse(line)
                except DamageError as error:
                    self.damage.add(source.name, number, str(error) if whole else "cut short")
                if len(batch) >= BATCH:
                    self.label(batch)
                    batch = []
            if ledger is not None and source.name not in self.damage.unreadable:
                ledger.note(source)
        self.label(batch)

    def joined(self, only_new: bool = False) -> Iterator[tuple[str, Any, str]]:
        """Inference id, prediction and label of all that have both; of those not given out by an earlier run."""
        for key, value, label in self._store.execute(_JOIN_NEW if only_new else _JOIN):
            yield key, json.loads(value), label

    def summary(self) -> dict[str, Any]:
        """How far labels and predictions have met."""
        one = self._store.execute(
            "select (select count(*) from predictions), (select count(*) from labels),"
            " (select count(*) from predictions p join labels l on l.id = p.id and l.row = p.row)"
        ).fetchone()
        predictions, labels, both = one
        return {
            **{name: self.counts[name] for name in ("labels", "labels_repeated", "labels_corrected")},
            "predictions": predictions,
            "joined": both,
            "coverage": both / predictions if predictions else 0.0,
            "labels_waiting": labels - both,
            "damaged": self.damage.document(),
        }

    def keep(self) -> None:
        """Keep what this run brought, and mark what it has given out; without this, the run leaves no trace."""
        self._store.execute(
            "update predictions set reported = 1 where exists"
            " (select 1 from labels l where l.id = predictions.id and l.row = predictions.row)"
        )
        for table in ("predictions", "labels"):
            self._store.execute(_FORGET[table], (self._now - KEPT_SECONDS,))
        self._store.execute("commit")


def _clean(text: str) -> str:
    """A text that SQLite can hold: JSON can name halves of characters, UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def parse(line: bytes) -> list[tuple[str, int, str]]:
    """The labels of one line, one per row of the request.

    Raises
    ------
    DamageError
        The line is no whole ground truth record.
    """
    try:
        document = json.loads(line)
        data, meta = document["groundTruthData"], document["eventMetadata"]
        key, value, encoding = meta["eventId"], data["data"], data.get("encoding", "CSV")
    except (ValueError, RecursionError):
        raise DamageError("no JSON") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise DamageError(f"no ground truth record: {error!r}") from None
    if not isinstance(key, str) or not key:
        raise DamageError("no ground truth record: eventId is no text")
    if encoding != "CSV":
        raise DamageError(f"ground truth with encoding {encoding!r}")
    if not isinstance(value, str):
        value = json.dumps(value)
    return [(key, number, str(row[0]).strip()) for number, row in enumerate(csv_rows(value)) if isinstance(row, list)]
