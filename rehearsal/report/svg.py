"""Plots as SVG by pure functions: numbers in, markup out. Colours come from the page's classes, so a plot follows
the reader's light or dark theme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from loadtest.axis import Axis

# Drawn for a column of about this width: text keeps its size on a desk and stays readable on a phone.
WIDTH, HEIGHT = 380, 220
LEFT, RIGHT, TOP, BOTTOM = 54, 18, 14, 38
ROW_HEIGHT = 34
# A limit this many times above the data would flatten it into the axis.
FARTHEST_LIMIT = 3.0
# Below this an axis would only show rounding.
SMALLEST_RANGE = 1e-9


class Line(NamedTuple):
    """One line of a chart. `style` is the CSS class that colours it, a point may lack its y."""

    name: str
    style: str
    points: list[tuple[float, float | None]]


class Limit(NamedTuple):
    """A horizontal line that the values are held against."""

    value: float
    name: str


class Row(NamedTuple):
    """One named row of stacked counts as (style, count)."""

    name: str
    parts: list[tuple[str, int]]


class Bar(NamedTuple):
    """One bin of a histogram: from, to, and stacked counts as (style, count)."""

    low: float
    high: float
    parts: list[tuple[str, int]]


def line_chart(
    title: str,
    lines: Sequence[Line],
    x_name: str,
    show: Callable[[float], str],
    *,
    limit: Limit | None = None,
    highest: float | None = None,
) -> Markup:
    """Draw lines over a common axis that starts at zero.

    Parameters
    ----------
    show
        Writes a y value with its unit.
    limit
        Drawn across when it is near the data, and named above it otherwise.
    highest
        Top of the y axis where the quantity has one, such as 1 for a share.
    """
    xs = [x for line in lines for x, y in line.points if y is not None]
    ys = [y for line in lines for _, y in line.points if y is not None]
    if not ys:
        return Markup("")
    near = limit is not None and limit.value <= FARTHEST_LIMIT * max(ys)
    room = 1.08 if near or not limit else 1.25
    top = highest or max([*ys, limit.value if limit and near else 0.0]) * room
    top = top if top > SMALLEST_RANGE else 1.0
    low, high = min(xs), max(xs)
    across = Axis(low, high if high > low else low + 1, LEFT, WIDTH - RIGHT)
    up = Axis(0.0, top, HEIGHT - BOTTOM, TOP)
    parts = [_grid(up, show), _x_axis(across, x_name)]
    for line in lines:
        parts.extend(_line(line, across, up, x_name, show))
    end = WIDTH - RIGHT  # the limit comes last: its name stays readable where a line crosses it
    if limit and not near:
        parts.append(
            f'<text class="limit-name" x="{end}" y="{TOP + 4}" text-anchor="end">'
            f"↑ {escape(limit.name)}, off the scale</text>"
        )
    elif limit:
        y = up(limit.value)
        parts.append(
            f'<line class="limit" x1="{LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="limit-name" x="{end}" y="{y + _free_side(lines, across, up, y):.1f}" text-anchor="end">'
            f"{escape(limit.name)}</text>"
        )
    return _svg(title, describe(lines, show), parts)


def histogram(title: str, description: str, bars: Sequence[Bar], x_name: str, threshold: float | None) -> Markup:
    """Draw stacked counts over bins of a share between 0 and 1, with the threshold as a line."""
    if not bars:
        return Markup("")
    across = Axis(min(bar.low for bar in bars), max(bar.high for bar in bars), LEFT, WIDTH - RIGHT)
    tallest = max(sum(amount for _, amount in bar.parts) for bar in bars)
    up = Axis(0.0, max(tallest * 1.15, 1.0), HEIGHT - BOTTOM, TOP + 8)
    parts = [_grid(up, lambda value: f"{value:g}", whole=True), _x_axis(across, x_name, lambda v: f"{v * 100:.0f} %")]
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
            f"threshold {threshold * 100:g} %</text>"
        )
    return _svg(title, description, parts)


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
    return _svg(title, description, parts, len(rows) * ROW_HEIGHT + 4)


def describe(lines: Sequence[Line], show: Callable[[float], str]) -> str:
    """Say in words what the lines do, for readers who do not see them."""
    told = []
    for line in lines:
        ys = [y for _, y in line.points if y is not None]
        if ys:
            told.append(f"{line.name} goes from {show(ys[0])} to {show(ys[-1])}, at most {show(max(ys))}")
    return "; ".join(told) + "."


def _line(line: Line, across: Axis, up: Axis, x_name: str, show: Callable[[float], str]) -> list[str]:
    parts, steps, pen = [], [], "M"
    for x, y in line.points:
        if y is None:
            pen = "M"  # a gap in the data is a gap in the line
            continue
        steps.append(f"{pen}{across(x):.1f} {up(y):.1f}")
        pen = "L"
    parts.append(f'<path class="line {escape(line.style)}" d="{" ".join(steps)}"/>')
    for x, y in line.points:
        if y is not None:
            parts.append(
                f'<circle class="dot {escape(line.style)}" cx="{across(x):.1f}" cy="{up(y):.1f}" r="2.6">'
                f"<title>{escape(line.name)} {escape(show(y))}, {escape(x_name)} {x:g}</title></circle>"
            )
    return parts


def _free_side(lines: Sequence[Line], across: Axis, up: Axis, y: float) -> float:
    """Return where a name at the right end of a horizontal line hides fewer points: above it or below."""
    near = [up(v) - y for line in lines for x, v in line.points if v is not None and across(x) > WIDTH / 2]
    above, below = sum(-20 < offset <= 0 for offset in near), sum(0 < offset < 20 for offset in near)
    return -5 if above <= below else 15


def _grid(up: Axis, show: Callable[[float], str], *, whole: bool = False) -> str:
    ticks = [tick for tick in up.ticks(4) if not whole or tick == int(tick)]
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        f'<text x="{LEFT - 7}" y="{up(tick) + 4:.1f}" text-anchor="end">{escape(show(tick))}</text>'
        for tick in ticks
    )


def _x_axis(across: Axis, name: str, show: Callable[[float], str] = lambda value: f"{value:g}") -> str:
    base = HEIGHT - BOTTOM
    ticks = "".join(
        f'<text x="{across(tick):.1f}" y="{base + 17}" text-anchor="middle">{escape(show(tick))}</text>'
        for tick in across.ticks(6)
    )
    middle = (LEFT + WIDTH - RIGHT) / 2
    label = f'<text class="axis-name" x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(name)}</text>'
    return f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>{ticks}{label}'


def _svg(title: str, description: str, parts: Sequence[str], height: int = HEIGHT) -> Markup:
    label = escape(f"{title}. {description}")
    # Everything variable in `parts` is a formatted number or has been escaped where it was put in.
    body = "".join(parts)
    return Markup(f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{body}</svg>')  # noqa: S704
