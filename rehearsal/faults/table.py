"""What the drills found, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.faults.drill import Phase, Row

_HEAD = (
    "fault", "requests", "failed", "p95 before / during / after", "objective meanwhile", "alarm", "fired after",
    "cleared after", "recovered after",
)  # fmt: skip


def page(rows: Sequence[Row], speed: float) -> str:
    """Return the page with the table and what its columns mean."""
    lines = [
        "# What happens when something breaks",
        "",
        "Made by `python -m rehearsal.faults --out docs/evidence/faults.md` on the embedded AWS, with IAM enforced,",
        "the real model server and the real functions, a small model, and load from before the fault until after it.",
        "Every request is in a column: it was answered, or it failed in the way that is named. `ModelError` carries",
        "the status of the model's answer; 0 is no answer.",
        "",
        f"| {' | '.join(_HEAD)} |",
        f"| {' | '.join('---' for _ in _HEAD)} |",
        *(_line(row) for row in rows),
        "",
        "Objective: p95 as the drill sets it and at most 1 % failed, judged by the gate of load tests; it is kept",
        "before and after every fault. *Fired* counts from the fault's beginning, *cleared* and *recovered* from its",
        "end (a kill ends at once): until the alarm is OK again, and until the last answer that was a failure or half",
        f"second of slow ones. Seconds of this machine; periods of alarms are {speed:g} times shorter than on AWS,",
        "starts of servers are as long as they are.",
    ]
    notes = [f"- {row.fault}: {note}" for row in rows for note in row.notes]
    return "\n".join([*lines, *(["", *notes] if notes else [])]) + "\n"


def summary(row: Row) -> str:
    """Return one line about a drill that held."""
    fired = f", {row.alarm} fired after {_seconds(row.fired_s)}" if row.alarm else ""
    counts = f"{row.sent:,} requests, {sum(row.failed.values()):,} failed"
    return f"{counts}{fired}, recovered after {_seconds(row.recovered_s)}"


def _line(row: Row) -> str:
    phases = (row.before, row.during, row.after)
    broken = ", ".join(sorted(row.during.broken))
    cells = (
        row.fault,
        f"{row.sent:,}",
        ", ".join(f"{count} x {kind}" for kind, count in row.failed.items()) or "none",
        " / ".join(_ms(phase) for phase in phases) + " ms",
        f"broken: {broken}" if broken else "kept",
        row.alarm.split("-", 2)[-1] or "none",
        _seconds(row.fired_s),
        _seconds(row.cleared_s),
        _seconds(row.recovered_s),
    )
    return f"| {' | '.join(cells)} |"


def _ms(phase: Phase) -> str:
    return "-" if phase.p95_ms is None else f"{phase.p95_ms:.0f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
