"""Who answered, over time: bars of requests by the model that answered, and upright lines where something began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from loadtest.axis import Axis
from loadtest.report.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, drawing, grid, x_axis
from rehearsal.drill.load import BAD, LOST, Asked

ROOM = 1.3  # above the bars, for the names of the marks
MARK_STEP = 13


class Mark(NamedTuple):
    """Something that began, in seconds of the drill."""

    at: float
    name: str


def style_of(asked: Asked, versions: Sequence[str]) -> str:
    """The class that colours an answer: one for each version, one for errors of the bad one, one for what is lost."""
    if asked.fate == LOST:
        return "bar-lost"
    if asked.fate == BAD:
        return "bar-bad"
    return f"bar-{versions.index(asked.version)}"


def answers(
    title: str,
    asked: Sequence[Asked],
    versions: Sequence[str],
    marks: Sequence[Mark],
    *,
    begin: float,
    end: float,
    width_s: float,
) -> Markup:
    """Draw requests per second, stacked by who answered, from ``begin`` to ``end``, in bars of ``width_s`` seconds."""
    bins: dict[int, Counter[str]] = {}
    for one in asked:
        if begin <= one.due < end:
            bins.setdefault(int((one.due - begin) / width_s), Counter())[style_of(one, versions)] += 1
    across = Axis(begin, end, LEFT, WIDTH - RIGHT)
    tallest = max((sum(bars.values()) for bars in bins.values()), default=1) / width_s
    up = Axis(0.0, tallest * ROOM, HEIGHT - BOTTOM, TOP)
    parts = [grid(up, lambda value: f"{value:g}/s"), x_axis(across, "seconds of the drill")]
    for number, bars in sorted(bins.items()):
        base, left = 0.0, begin + number * width_s
        x, width = across(left), max(across(min(left + width_s, end)) - across(left) - 0.3, 0.4)
        for style in sorted(bars):
            rate = bars[style] / width_s
            y = up(base + rate)
            place = f'x="{x:.2f}" y="{y:.1f}" width="{width:.2f}" height="{up(base) - y:.1f}"'
            parts.append(f'<rect class="{escape(style)}" {place}/>')
            base += rate
    for number, mark in enumerate(mark for mark in marks if begin <= mark.at <= end):
        x, y = across(mark.at), TOP + 2 + MARK_STEP * (number % 3)
        anchor, shift = ("end", -4) if x > (LEFT + WIDTH) / 2 else ("start", 4)
        parts.append(
            f'<line class="bound" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text class="limit-name" x="{x + shift:.1f}" y="{y}" text-anchor="{anchor}">{escape(mark.name)}</text>'
        )
    counted = Counter(style_of(one, versions) for one in asked if begin <= one.due < end)
    told = ", ".join(f"{number} {style.removeprefix('bar-')}" for style, number in sorted(counted.items()))
    return drawing(title, f"Requests from second {begin:.0f} to {end:.0f}: {told}.", parts)
