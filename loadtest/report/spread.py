"""How latency spreads over the requests of a load test, and what went wrong with those that failed."""

from __future__ import annotations

import math
from typing import Any

from loadtest.histogram import percentile
from loadtest.report.levels import name_of
from loadtest.report.record import Load
from loadtest.report.svg import Limit, Line, line_chart
from loadtest.report.values import count, mappings, milliseconds, number, percent, short_time, text

SHARES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
STYLES = ("first", "second", "third")
POINTS = 60


def distribution(load: Load) -> dict[str, Any] | None:
    """Return latency by the share of requests that are faster, or None where no histogram was kept.

    The least load, the one that was judged, and the most are drawn; the table has all of them.
    """
    known = [(step, found) for step in load.levels if (found := _histogram(step))]
    if not known:
        return None
    judged = next((one for one in known if one[0] is load.judged), known[0])
    shown = {id(step): (step, found) for step, found in (known[0], judged, known[-1])}.values()
    lines = [Line(name_of(step), style, _curve(found)) for (step, found), style in zip(shown, STYLES, strict=False)]
    limit = Limit(load.p95_ms, f"objective {load.p95_ms:g} ms") if load.p95_ms else None
    title, x_name = "Latency by share of requests", "share of requests that are faster"
    ticks = [(_place(share), f"{share * 100:g} %") for share in (0.5, 0.9, 0.99, 0.999)]
    chart = line_chart(title, lines, x_name, short_time, limit=limit, ticks=ticks, log_y=True)
    return {
        "plot": chart,
        "lines": lines if len(lines) > 1 else [],
        "head": ["load" if len(known) > 1 else "", *(f"p{share * 100:g}" for share in SHARES), "slowest"],
        "rows": [
            [name_of(step), *(milliseconds(percentile(found, share)) for share in SHARES), milliseconds(max(found))]
            for step, found in known
        ],
    }


def errors(load: Load) -> dict[str, Any]:
    """Return the failures by kind, the most frequent first."""
    requests = sum(number(step.get("requests")) or 0 for step in load.steps)
    failed = sum(number(step.get("failures")) or 0 for step in load.steps)
    return {
        "failed": count(failed),
        "share": percent(failed / requests, 3) if requests else "–",
        "rows": [
            (
                text(kind.get("cause"), 60),
                text(kind.get("error"), 300),
                count(amount),
                percent(amount / requests, 3) if requests else "–",
            )
            for kind in mappings(load.facts.get("errors"))
            if (amount := number(kind.get("count"))) is not None
        ],
    }


def _histogram(step: dict[str, Any]) -> dict[float, int]:
    pairs = step.get("histogram")
    found: dict[float, int] = {}
    for pair in pairs if isinstance(pairs, list) else []:
        value, amount = (
            (number(pair[0]), number(pair[1])) if isinstance(pair, list) and len(pair) == 2 else (None, None)
        )
        if value is not None and amount:
            found[value] = found.get(value, 0) + int(amount)
    return found


def _curve(histogram: dict[float, int]) -> list[tuple[float, float | None]]:
    """Return latency at shares that lie ever closer to all of the requests; no finer than one request."""
    most = min(1 - 1 / sum(histogram.values()), SHARES[-1])
    begin, end = _place(0.1), _place(most)
    places = [begin + (end - begin) * index / POINTS for index in range(POINTS + 1)]
    return [(place, percentile(histogram, max(1 - 10**-place, 1e-9))) for place in places]


def _place(share: float) -> float:
    return -math.log10(1 - share)
