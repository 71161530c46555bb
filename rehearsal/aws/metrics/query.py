"""Metric data queries: statistics of metrics, and expressions over them, period by period."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.aws.metrics import expression as mathematics
from rehearsal.aws.metrics.series import key_of
from rehearsal.aws.metrics.statistic import compute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.aws.metrics.series import Key, Store


@dataclass(frozen=True)
class Query:
    """One entry of a metric data request: either a statistic of a metric or an expression; ``period`` in seconds."""

    id: str
    label: str
    returned: bool
    period: float | None
    key: Key | None = None
    stat: str = ""
    expression: str = ""


def from_request(entry: dict[str, Any]) -> Query:
    """Read an entry of GetMetricData."""
    stat = entry.get("MetricStat")
    returned = entry.get("ReturnData", True)
    if stat is None:
        return Query(
            entry["Id"],
            entry.get("Label") or entry["Id"],
            returned,
            entry.get("Period"),
            expression=entry["Expression"],
        )
    metric = stat["Metric"]
    dimensions = {d["Name"]: d["Value"] for d in metric.get("Dimensions") or []}
    return Query(
        entry["Id"],
        entry.get("Label") or f"{metric['MetricName']} {stat['Stat']}",
        returned,
        int(stat["Period"]),
        key_of(metric["Namespace"], metric["MetricName"], dimensions),
        stat["Stat"],
    )


def values_in(store: Store, queries: Sequence[Query], start: float, end: float) -> dict[str, float | None]:
    """Return the value of every query in one window; expressions may name each other.

    Raises
    ------
    rehearsal.aws.metrics.expression.ExpressionError, rehearsal.aws.metrics.statistic.StatisticError
    """
    found: dict[str, float | None] = {
        query.id: compute(store.window(query.key, start, end), query.stat) for query in queries if query.key is not None
    }
    waiting = [query for query in queries if query.key is None]
    while waiting:
        ready = [q for q in waiting if not any(other.id in _names(q.expression) for other in waiting if other is not q)]
        if not ready:
            raise mathematics.ExpressionError(f"metric math refers in a circle: {[q.id for q in waiting]}")
        for query in ready:
            found[query.id] = mathematics.evaluate(query.expression, found)
        waiting = [query for query in waiting if query not in ready]
    return found


def series(store: Store, queries: Sequence[Query], start: float, end: float) -> dict[str, list[tuple[float, float]]]:
    """Return (time, value) pairs per query over a span, at the smallest period of all of them."""
    period = min((q.period for q in queries if q.period), default=60) or 60
    answer: dict[str, list[tuple[float, float]]] = {query.id: [] for query in queries}
    moment = math.floor(start / period) * period
    while moment < end:
        for name, value in values_in(store, queries, moment, moment + period).items():
            if value is not None:
                answer[name].append((moment, value))
        moment += period
    return answer


def _names(text: str) -> set[str]:
    return set(re.findall(r"[a-z][A-Za-z0-9_]*", text))
