"""Rows in, one set of statistics per column out."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from training.monitoring import columns
from training.monitoring.columns import Numbers, Value
from training.monitoring.seen import Seen, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from training.monitoring.columns import Column, Kind

Row = list[Value] | dict[str, Value]

EXTRA_NAMES = 100
"""Names of unexpected columns that are remembered."""


class Table:
    """The columns of a dataset, and how far its rows keep to them.

    A row without names that is too short or too long fits no column: it is counted, its values are not.
    """

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = dict(kinds)
        self.columns: dict[str, Column] = {name: columns.new(kind) for name, kind in kinds.items()}
        self.rows = self.short = self.long = self.repeated = 0
        self.lacking: Counter[str] = Counter()
        self.extra: Counter[str] = Counter()
        self._numeric = all(isinstance(column, Numbers) for column in self.columns.values())
        self._seen = Seen()

    def add_lines(self, lines: Sequence[str]) -> None:
        """Take rows as unquoted CSV, one per line."""
        if not lines:
            return
        if self._numeric and (text := "\n".join(lines)).strip() and "_" not in text and '"' not in text:
            try:
                # Fails on ragged rows, on empty cells and on text: all of that is for the slower way to tell apart.
                grid = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
            except ValueError:
                grid = np.empty((0, 0))
            if grid.shape == (len(lines), len(self.columns)):
                self._count(lines)
                for column, values in zip(self.columns.values(), grid.T, strict=True):
                    column.add_floats(values)  # type: ignore[union-attr]
                return
        self.add([list[Value](line.split(",")) for line in lines])

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows: lists in the order of the columns, or objects by column name."""
        named = [row for row in rows if isinstance(row, dict)]
        listed = [row for row in rows if not isinstance(row, dict)]
        width = len(self.columns)
        fitting = [row for row in listed if len(row) == width]
        self.short += sum(len(row) < width for row in listed)
        self.long += sum(len(row) > width for row in listed)
        self._count([_plain(row) for row in rows])
        names = tuple(self.columns)
        for row in named:
            if row.keys() != self.columns.keys():
                self.lacking.update(name for name in names if name not in row)
                self._surplus(row)
        if fitting:
            for column, values in zip(self.columns.values(), zip(*fitting, strict=True), strict=True):
                column.add(values)
        if named:
            for name, column in self.columns.items():
                column.add([row.get(name) for row in named])

    def _surplus(self, row: dict[str, Value]) -> None:
        for name in row:
            if name not in self.columns and (name in self.extra or len(self.extra) < EXTRA_NAMES):
                self.extra[name] += 1

    def _count(self, texts: Sequence[str]) -> None:
        self.rows += len(texts)
        self.repeated += len(texts) - int(self._seen.add([digest(text) for text in texts]).sum())


def _plain(row: Row) -> str:
    """A row as text: equal for equal rows."""
    cells: Iterable[Value] = row if isinstance(row, list) else chain.from_iterable((k, row[k]) for k in sorted(row))
    return ",".join("" if cell is None else columns.as_text(cell) for cell in cells)
