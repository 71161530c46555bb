"""A load test second by second: latency, throughput, failures, load and instances over time."""

from __future__ import annotations

from typing import Any

from loadtest.report.record import Load
from loadtest.report.svg import Limit, Line, line_chart
from loadtest.report.values import count, milliseconds, number, short_time


def over_time(load: Load) -> dict[str, Any] | None:
    """Return the plots over time, or None where no second was recorded."""
    if not load.samples:
        return None
    ends = _ends(load)
    limit = Limit(load.p95_ms, f"objective {load.p95_ms:g} ms") if load.p95_ms else None
    latency = [
        _line(load, "p50_ms", "median", "first"),
        _line(load, "p95_ms", "95th percentile", "second"),
        _line(load, "p99_ms", "99th percentile", "third"),
    ]
    rates = [_line(load, "rps", "answered", "first")]
    if load.open:
        rates.append(_line(load, "offered_rps", "offered", "second"))
    plots = [
        _plot("Latency", latency, line_chart("Latency", latency, "seconds", short_time, limit=limit, bounds=ends)),
        _plot("Requests a second", rates, line_chart("Requests a second", rates, "seconds", count, bounds=ends)),
    ]
    users = [_line(load, "users", "users", "first", stepped=True)]
    if not load.open:
        plots.append(_plot("Users", users, line_chart("Users", users, "seconds", count, whole=True)))
    instances = [_line(load, "instances", "instances", "first", stepped=True)]
    plots.append(_plot("Instances", instances, line_chart("Instances", instances, "seconds", count, whole=True)))
    failures = [_line(load, "failures", "failed", "second")]
    if any(y for _, y in failures[0].points):
        plots.append(
            _plot(
                "Failed requests a second",
                failures,
                line_chart("Failed requests a second", failures, "seconds", count, whole=True),
            )
        )
    return {
        "plots": [plot for plot in plots if plot["plot"]],
        "instances_known": any(y is not None for _, y in instances[0].points),
        "stepped": bool(ends),
        "head": ["second", "requests/s", *(["offered/s"] if load.open else []), "median", "p95", "p99", "failed"],
        "rows": [_row(sample, offered=load.open) for sample in load.samples],
    }


def _ends(load: Load) -> list[float]:
    """Return where one step ends and the next begins, by the samples that each has."""
    ends = []
    for step in load.steps[:-1]:
        last = step.get("samples")
        at = last[1] - 1 if isinstance(last, list) and len(last) == 2 and isinstance(last[1], int) else None
        if at is not None and 0 <= at < len(load.samples):
            ends.append((number(load.samples[at].get("t")) or 0.0) + 0.5)
    return ends


def _line(load: Load, key: str, name: str, style: str, *, stepped: bool = False) -> Line:
    points = [(at, number(sample.get(key))) for sample in load.samples if (at := number(sample.get("t"))) is not None]
    return Line(name, style, points, stepped)


def _plot(title: str, lines: list[Line], plot: Any) -> dict[str, Any]:
    return {"title": title, "plot": plot, "lines": lines if len(lines) > 1 else []}


def _row(sample: dict[str, Any], *, offered: bool) -> list[str]:
    rates = ("rps", "offered_rps") if offered else ("rps",)
    return [
        f"{number(sample.get('t')) or 0:.0f}",
        *(count(number(sample.get(name))) for name in rates),
        *(milliseconds(number(sample.get(name))) for name in ("p50_ms", "p95_ms", "p99_ms")),
        count(number(sample.get("failures"))),
    ]
