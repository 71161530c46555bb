"""The drill's report: one page, with the verdict, the figures, who answered when, and what happened."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from loadtest.files import write_text
from loadtest.report.look import style, templates
from loadtest.report.svg import Line, line_chart
from rehearsal.drill.drill import BAD_ROLLOUT, GOOD_ROLLOUT, RETURN, Record
from rehearsal.drill.judge import facts, faults, window
from rehearsal.drill.load import GOOD
from rehearsal.drill.plot import Mark, answers
from rehearsal.drill.watch import Moment

TEMPLATES = Path(__file__).with_name("templates")
AROUND_S = 6.0
BARS = 120


def write_report(record: Record, path: Path) -> Path:
    """Write the page and return its path."""
    return write_text(path, render(record))


def render(record: Record) -> str:
    """Return the page."""
    figures, found, seen = facts(record), faults(record), window(record)
    versions = sorted({asked.version for asked in record.asked if asked.fate == GOOD})
    end = max((asked.due for asked in record.asked), default=1.0)
    begun = [Mark(record.phase(name).begin, name) for name in (GOOD_ROLLOUT, BAD_ROLLOUT, RETURN)]
    around = [Mark(seen.first_error, "canary fails"), Mark(seen.alarm, "alarm"), Mark(seen.turned_back, "turned back")]
    return (
        templates(TEMPLATES)
        .get_template("drill.html")
        .render(
            style=style(TEMPLATES / "drill.css"),
            verdict="No request lost" if not found else "Not as it should be",
            endpoint=record.endpoint,
            faults=found,
            figures=_head(figures),
            whole=answers(
                "The whole drill",
                record.asked,
                versions,
                begun,
                begin=0.0,
                end=end + 0.01,
                width_s=max(end / BARS, 0.5),
            ),
            close=""
            if math.isnan(seen.first_error)
            else answers(
                "Around the canary",
                record.asked,
                versions,
                [mark for mark in around if not math.isnan(mark.at)],
                begin=max(0.0, seen.first_error - AROUND_S),
                end=seen.last_error + AROUND_S,
                width_s=0.25,
            ),
            latency=latency(record, end),
            legend=[(f"bar-{number}", f"version {name}") for number, name in enumerate(versions)]
            + [("bar-bad", "an error of the bad model"), ("bar-lost", "no answer")],
            phases=[(phase.name, f"{phase.end - phase.begin:.0f} s", phase.outcome) for phase in record.phases],
            moments=[(f"{moment.at:.1f} s", moment.what, moment.state) for moment in changes(record)],
        )
    )


def changes(record: Record) -> list[Moment]:
    """What changed, without how things stood at the beginning."""
    begun = {moment.what: moment for moment in reversed(record.moments)}
    return [moment for moment in record.moments if moment is not begun[moment.what]]


def latency(record: Record, end: float) -> Any:
    """Draw the slowest and the median answer, counted from when each request was due."""
    width = max(end / BARS, 0.5)
    bins: dict[int, list[float]] = {}
    for asked in record.asked:
        bins.setdefault(int(asked.due / width), []).append(asked.taken_s)
    slowest: list[tuple[float, float | None]] = [(number * width, max(taken)) for number, taken in sorted(bins.items())]
    median: list[tuple[float, float | None]] = [
        (number * width, sorted(taken)[len(taken) // 2]) for number, taken in sorted(bins.items())
    ]
    lines = [Line("median", "first", median), Line("slowest", "second", slowest)]
    return line_chart("Time to the answer", lines, "seconds of the drill", lambda value: f"{value:g} s")


def _head(figures: dict[str, Any]) -> list[dict[str, str]]:
    facts = [
        ("asked", f"{figures['asked']:,}", f"{figures['lost']} of them without an answer of a model"),
        (
            "errors of the bad model",
            str(figures["refused_by_the_bad_model"]),
            f"{figures['share_during_canary']:.0%} of the {figures['asked_during_canary']} asked meanwhile",
        ),
        ("to the alarm", f"{figures['seconds_to_alarm']:.1f} s", "from the canary's first error"),
        ("to the last error", f"{figures['seconds_to_recovery']:.1f} s", "from the first one"),
        ("make rollback", f"{figures['rollback_seconds']:.0f} s", "plan, rollout and verification"),
    ]
    return [{"name": name, "value": value, "note": note} for name, value, note in facts]
