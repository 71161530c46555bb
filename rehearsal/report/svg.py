"""Plots of counts as SVG by pure functions; the lines are drawn by `loadtest.report.svg`, which sets the size too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from loadtest.axis import Axis
from loadtest.report.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, drawing, grid, x_axis

ROW_HEIGHT = 34


class Row(NamedTuple):
    """One named row of stacked counts as (style, count)."""

    name: str
    parts: list[tuple[str, int]]


class Bar(NamedTuple):
    """One bin of a histogram: from, to, and stacked counts as (style, count)."""

    low: float
    high: float
    parts: list[tuple[str, int]]


def histogram(title: str, description: str, bars: Sequence[Bar], x_name: str, threshold: float | None) -> Markup:
    """Draw stacked counts over bins of a share between 0 and 1, with the threshold as a line."""
    if not bars:
        return Markup("")
    across = Axis(min(bar.low for bar in bars), max(bar.high for bar in bars), LEFT, WIDTH - RIGHT)
    tallest = max(sum(amount for _, amount in bar.parts) for bar in bars)
    up = Axis(0.0, max(tallest * 1.15, 1.0), HEIGHT - BOTTOM, TOP + 8)
    parts = [grid(up, lambda value: f"{value:g}", whole=True), x_axis(across, x_name, lambda v: f"{v * 100:.0f} %")]
    for bar in bars:
        base = 0
        x, width = across(bar.low) + 0.75, across(bar.high) - across(bar.low) - 1.5
        for style, amount in bar.parts:
            if amount:
                y = up(base + amount)
                parts.append(
                    f'<rect class="{escape(style)}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
                    f'height="{up(base) - y:.1f}"><title>{amount} {escape(style.removeprefix("bar-"))}, '
                    f"{bar.low * 100:.1f} to {bar.high * 100:.1f} %</title></rect>"
                )
                base += amount
    if threshold is not None and across.low <= threshold <= across.high:
        x = across(threshold)
        anchor, shift = ("end", -6) if x > WIDTH / 2 else ("start", 6)
        parts.append(
            f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text class="limit-name" x="{x + shift:.1f}" y="{TOP + 5}" text-anchor="{anchor}">'
            f"threshold {round(threshold * 100, 1):g} %</text>"
        )
    return drawing(title, description, parts)


def stacked_rows(title: str, description: str, rows: Sequence[Row]) -> Markup:
    """Draw a bar below each name, all from the same line and to the same scale, with the total behind it."""
    if not rows:
        return Markup("")
    across = Axis(0.0, float(max(1, *(sum(amount for _, amount in row.parts) for row in rows))), 2, WIDTH - 40)
    parts = []
    for at, row in enumerate(rows):
        top, done = at * ROW_HEIGHT, 0
        parts.append(f'<text x="2" y="{top + 13}">{escape(row.name)}</text>')
        for style, amount in row.parts:
            if amount:
                x = across(done)
                width = max(across(done + amount) - x - 0.75, 0.75)
                told = f"{row.name}: {amount} {style.removeprefix('bar-')}"
                parts.append(
                    f'<rect class="{escape(style)}" x="{x:.1f}" y="{top + 18}" width="{width:.1f}" height="10">'
                    f"<title>{escape(told)}</title></rect>"
                )
                done += amount
        parts.append(f'<text x="{across(done) + 5:.1f}" y="{top + 27}">{done}</text>')
    return drawing(title, description, parts, len(rows) * ROW_HEIGHT + 4)
