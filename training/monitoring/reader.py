"""Captured records out of files that come late, twice, out of order, cut short or damaged.

Nothing is lost: what cannot be read is counted with its file and line. Nothing is doubled: an event id counts once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from training.monitoring import capture
from training.monitoring.errors import DamageError
from training.monitoring.seen import Seen, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from training.monitoring.capture import Record
    from training.monitoring.ledger import Ledger
    from training.monitoring.sources import Source, Window

BATCH = 4096
LONGEST = 128 << 20
"""Bytes of a line: SageMaker's 25 MB request and answer in base64 fit; a file without newlines does not fill memory."""

_LISTED, _REASONS, _QUOTED = 200, 100, 200


@dataclass(slots=True)
class Damage:
    """What could not be used, by reason, with the places of the first ones."""

    reasons: Counter[str] = field(default_factory=Counter)
    places: list[dict[str, Any]] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)

    def add(self, file: str, line: int, reason: str) -> None:
        """Note a line; line 0 means the file as a whole."""
        # Reasons may quote what was wrong: neither their length nor their number is for a sender to choose.
        reason = reason[:_QUOTED]
        self.reasons[reason if reason in self.reasons or len(self.reasons) < _REASONS else "other"] += 1
        if len(self.places) < _LISTED:
            self.places.append({"file": file, "line": line, "reason": reason})

    @property
    def count(self) -> int:
        """How many lines or files."""
        return self.reasons.total()

    def document(self) -> dict[str, Any]:
        """For the report."""
        left = self.count - len(self.places)
        return {"count": self.count, "reasons": dict(self.reasons), "places": self.places, "places_left_out": left}


@dataclass(slots=True)
class Reading:
    """Reads records and counts what happens on the way.

    Attributes
    ----------
    window
        Records of other times are counted and, without a ledger, left out.
    ledger
        With one, every record is read by exactly one run: also one that is late for its window.
    """

    window: Window | None = None
    ledger: Ledger | None = None
    damage: Damage = field(default_factory=Damage)
    files: int = 0
    files_known: int = 0
    lines: int = 0
    records: int = 0
    duplicates: int = 0
    rescued: int = 0
    outside: Counter[str] = field(default_factory=Counter)

    def batches(self, sources: Iterable[Source]) -> Iterator[list[Record]]:
        """Every record once, in batches."""
        add = Seen().add if self.ledger is None else self.ledger.add
        records = self._records(sources)
        while batch := list(islice(records, BATCH)):
            fresh = add([digest(record.event_id) for record in batch])
            self.duplicates += len(batch) - int(fresh.sum())
            kept = [record for record, new in zip(batch, fresh.tolist(), strict=True) if new]
            self.records += len(kept)
            if kept:
                yield kept

    def document(self) -> dict[str, Any]:
        """For the report."""
        return {
            "files": self.files,
            "files_read_before": self.files_known,
            "lines": self.lines,
            "records": self.records,
            "duplicates": self.duplicates,
            "ids_remembered": None if self.ledger is None else len(self.ledger),
            "rescued": self.rescued,
            "outside_window": dict(self.outside),
            "damaged": self.damage.document(),
        }

    def _records(self, sources: Iterable[Source]) -> Iterator[Record]:
        for source in sources:
            if self.ledger is not None and self.ledger.knows(source):
                self.files_known += 1
                continue
            self.files += 1
            for number, line, whole in lines(source, self.damage):
                self.lines += 1
                for record in self._parse(line, source.name, number, whole):
                    if self._belongs(record):
                        yield record
            # A file that broke off is for the next run to try again: what was read of it will be known by then.
            if self.ledger is not None and source.name not in self.damage.unreadable:
                self.ledger.note(source)

    def _parse(self, line: bytes, file: str, number: int, whole: bool) -> Iterator[Record]:
        try:
            yield capture.parse(line, file, number)
        except DamageError as error:
            self.damage.add(file, number, str(error) if whole else "cut short")
            for record in capture.rescue(line, file, number):
                self.rescued += 1
                yield record

    def _belongs(self, record: Record) -> bool:
        if self.window is None or (place := self.window.place(record.time)) == "in":
            return True
        self.outside[place] += 1
        # A time that cannot be read is no reason to lose the record.
        return self.ledger is not None or place == "unknown"


def lines(source: Source, damage: Damage) -> Iterator[tuple[int, bytes, bool]]:
    """The lines of a file that are not blank: number, content, and whether the newline that ends them is there."""
    number, rest, size = 0, list[bytes](), 0
    try:
        for chunk in source.chunks():
            *complete, tail = chunk.split(b"\n")
            for piece in complete:
                number += 1
                if size + len(piece) > LONGEST:
                    damage.add(source.name, number, "too long")
                elif (line := b"".join([*rest, piece])).strip():
                    yield number, line, True
                rest, size = [], 0
            size += len(tail)
            rest = [*rest, tail] if size <= LONGEST else []
    except Exception as error:
        damage.unreadable.add(source.name)
        damage.add(source.name, 0, f"unreadable: {type(error).__name__}: {error}")
        return
    if size > LONGEST:
        damage.add(source.name, number + 1, "too long")
    elif (line := b"".join(rest)).strip():
        yield number + 1, line, False
