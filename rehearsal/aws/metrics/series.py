"""Measurements by metric: exact dimensions, quick windows, bounded memory."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = tuple[str, str, frozenset[tuple[str, str]]]

_MOST_POINTS = 200_000  # per metric; the oldest go first
_RECENT = 5_000


class Point(NamedTuple):
    """One measurement, or several summed up; ``time`` in seconds since 1970."""

    time: float
    total: float
    samples: float
    low: float
    high: float
    unit: str | None


class Store:
    """All metrics of one region."""

    def __init__(self) -> None:
        self._series: dict[Key, list[Point]] = {}
        self._lock = threading.Lock()

    def add(self, key: Key, point: Point) -> None:
        """Add a point, keeping the series in order of time."""
        with self._lock:
            series = self._series.setdefault(key, [])
            if series and point.time < series[-1].time:
                series.insert(_search(series, point.time), point)
            else:
                series.append(point)
            if len(series) > _MOST_POINTS:
                del series[: _MOST_POINTS // 10]

    def window(self, key: Key, start: float, end: float) -> list[Point]:
        """Return the points with ``start <= time < end``."""
        with self._lock:
            series = self._series.get(key, [])
            first = _search(series, start)
            return series[first : _search(series, end)]

    def metrics(self) -> list[Key]:
        """Return every metric that has points."""
        with self._lock:
            return list(self._series)


class Feed(deque[Any]):
    """Takes the place of moto's endless list of measurements: each goes into the store, and the latest stay here."""

    def __init__(self, store: Store, items: Iterable[Any] = ()) -> None:
        super().__init__(items, _RECENT)
        self._store = store

    def append(self, datum: Any) -> None:
        """Add one of moto's measurements."""
        super().append(datum)
        key = key_of(datum.namespace, datum.name, {d.name: d.value for d in datum.dimensions})
        moment = seconds(datum.timestamp)
        if hasattr(datum, "value"):
            point = Point(moment, datum.value, 1.0, datum.value, datum.value, datum.unit)
        else:
            point = Point(moment, datum.sum, datum.sample_count, datum.min, datum.max, datum.unit)
        self._store.add(key, point)

    def __reduce__(self) -> Any:
        return Feed, (self._store, list(self))


def key_of(namespace: str, name: str, dimensions: dict[str, str]) -> Key:
    """Return the identity of a metric: CloudWatch never aggregates over dimensions by itself."""
    return namespace, name, frozenset(dimensions.items())


def seconds(moment: datetime) -> float:
    """Return seconds since 1970 of an aware time, or of a naive one in UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _search(series: list[Point], moment: float) -> int:
    return bisect_left(series, moment, key=lambda point: point.time)
