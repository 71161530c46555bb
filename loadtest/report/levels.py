"""The knee: throughput and latency by load, and what follows from it for the settings."""

from __future__ import annotations

import re
from typing import Any

from loadtest.report.record import Load
from loadtest.report.svg import Limit, Line, line_chart
from loadtest.report.values import count, mapping, mappings, milliseconds, number, percent, short_time, text

REASONS = {
    "latency": "beyond that the 95th percentile passes the objective",
    "failures": "beyond that requests fail",
    "flat": "more load brings no more",
    "not reached": "the test ended before the capacity did",
}


def name_of(step: dict[str, Any]) -> str:
    """Return what a level of load is called: its rate, or its users."""
    offered, users = number(step.get("offered_rps")), number(step.get("users"))
    if offered is not None:
        return f"{offered:,.4g}/s offered"
    return "all requests" if users is None else f"{users:,.0f} user{'s' if users != 1 else ''}"


def knee(load: Load) -> dict[str, Any] | None:
    """Return throughput and latency by load with the knee in them, or None where there was only one level."""
    found = mapping(load.capacity.get("knee"))
    rps = number(found.get("rps"))
    if len(load.steps) < 2 and rps is None:
        return None
    instances = number(found.get("instances")) or 1
    low, high = (None if (bound := number(found.get(name))) is None else bound * instances for name in ("low", "high"))
    held = None if rps is None else Limit(rps * instances, f"knee {rps * instances:,.4g}/s", low, high)
    limit = Limit(load.p95_ms, f"objective {load.p95_ms:g} ms") if load.p95_ms else None
    x_name = "users" if load.users_are_steps else "requests offered a second"
    key = "users" if load.users_are_steps else "offered_rps"
    rates = [Line("answered", "first", _points(load, key, "rps"))]
    levels = sorted({x for x, _ in rates[0].points}) if load.users_are_steps else []
    # There is no half user: name levels as they were, when there are many not all of them.
    named = [(users, f"{users:g}") for users in levels[:: 1 + len(levels) // 8]]
    if not load.users_are_steps:
        rates.append(Line("offered", "second", _points(load, "offered_rps", "offered_rps")))
    latency = [
        Line("95th percentile", "second", _points(load, "rps", "p95_ms")),
        Line("median", "first", _points(load, "rps", "p50_ms")),
    ]
    plots = [
        ("Throughput by load", rates, line_chart("Throughput by load", rates, x_name, count, limit=held,
                                                  ticks=named)),
        ("Latency by throughput", latency, line_chart("Latency by throughput", latency, "requests answered a second",
                                                       short_time, limit=limit, mark=held, log_y=True)),
    ]  # fmt: skip
    return {
        "rps": None if rps is None else f"{rps:,.4g}",
        "interval": f"{found['low']:,.4g} to {found['high']:,.4g}" if low is not None and high is not None else "",
        "instances": int(instances),
        "reason": REASONS.get(text(found.get("reason")), ""),
        "reached": found.get("reached") is True,
        "plots": [
            {"title": title, "plot": plot, "lines": lines if len(lines) > 1 else []} for title, lines, plot in plots
        ],
        "rows": [_row(step) for step in load.levels],
    }


def settings(load: Load) -> dict[str, Any] | None:
    """Return the settings beside what was measured, or None where they were not compared."""
    rows = mappings(load.capacity.get("settings"))
    if not rows:
        return None
    return {
        "environment": text(load.capacity.get("environment"), 60),
        "tolerance": percent(number(load.capacity.get("tolerance")), 0),
        "binding": load.capacity.get("binding") is not False,
        "off": sum(row.get("agrees") is not True for row in rows),
        "rows": [
            {
                # In parts, so that a narrow column breaks a long name between its words.
                "name": re.split(r"(?<=[._])", text(row.get("key"), 200).removeprefix("workloads.").partition(".")[2]),
                "now": count(number(row.get("now"))),
                "wanted": count(number(row.get("wanted"))),
                "why": text(row.get("why"), 200),
                "agrees": row.get("agrees") is True,
            }
            for row in rows
        ],
        "notes": [text(note, 400) for note in load.capacity.get("notes") or []],
    }


def _points(load: Load, x: str, y: str) -> list[tuple[float, float | None]]:
    return [(at, number(step.get(y))) for step in load.levels if (at := number(step.get(x))) is not None]


def _row(step: dict[str, Any]) -> list[str]:
    return [
        name_of(step),
        count(number(step.get("rps"))),
        *(milliseconds(number(step.get(name))) for name in ("p50_ms", "p95_ms", "p99_ms")),
        count(number(step.get("failures"))),
        f"{number(step.get('seconds')) or 0:.0f}",
    ]
