"""A load test second by second: latency, throughput, failures, load and instances over time."""

from __future__ import annotations

from typing import Any

from loadtest.report.record import Load
from loadtest.report.svg import Limit, Line, line_chart
from loadtest.report.values import count, mappings, milliseconds, number, short_time, text

# The largest value by the smallest.
WIDE = 30.0


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
        _plot(
            "Latency",
            latency,
            line_chart("Latency", latency, "seconds", short_time, limit=limit, bounds=ends, log_y=_wide(latency)),
        ),
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
        "events": sorted([*_scaled(load), *_rang(load)], key=lambda event: event[0]),
        "head": ["second", "requests/s", *(["offered/s"] if load.open else []), "median", "p95", "p99", "failed"],
        "rows": [_row(sample, offered=load.open) for sample in load.samples],
    }


def _ends(load: Load) -> list[float]:
    """Return where each level but the first begins to be measured."""
    begins = [number(step.get("start_s")) for step in load.steps[1:]]
    return [begin for begin in begins if begin is not None]


def _scaled(load: Load) -> list[tuple[float, str]]:
    """Return when something scaled the endpoint, and what."""
    return [
        (at, f"{text(one.get('description'), 120)} ({text(one.get('status'), 40)})")
        for one in mappings(load.facts.get("scaling"))
        if (at := number(one.get("t"))) is not None
    ]


def _rang(load: Load) -> list[tuple[float, str]]:
    """Return when alarms began to ring, and ceased."""
    events: list[tuple[float, str]] = []
    before: set[str] = set()
    for sample in load.samples:
        at, names = number(sample.get("t")), sample.get("alarms")
        if at is None or not isinstance(names, list):
            continue
        now = {text(name, 120) for name in names}
        events += [(at, f"{name} in alarm") for name in sorted(now - before)]
        events += [(at, f"{name} no longer in alarm") for name in sorted(before - now)]
        before = now
    return events


def _line(load: Load, key: str, name: str, style: str, *, stepped: bool = False) -> Line:
    points = [(at, number(sample.get(key))) for sample in load.samples if (at := number(sample.get("t"))) is not None]
    return Line(name, style, points, stepped)


def _wide(lines: list[Line]) -> bool:
    """Whether values lie so far apart that the large ones would hide the small ones."""
    values = [y for line in lines for _, y in line.points if y]
    return bool(values) and max(values) > WIDE * min(values)


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
