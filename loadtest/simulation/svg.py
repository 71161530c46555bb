"""Plots as SVG by pure functions: numbers in, markup out. Each file stands alone and follows the reader's light or dark
theme; a line is told from the next by its dashes as well as by its colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from loadtest.axis import Axis

WIDTH = 720
LEFT, RIGHT, TOP, BOTTOM = 66, 24, 52, 42
STYLE = """
svg { --sheet: #ffffff; --ink: #13212b; --soft: #465868; --rule: #cad5dc;
  --c1: #0e6880; --c2: #a33a2a; --c3: #835600; --c4: #1c6a47; background: var(--sheet); }
@media (prefers-color-scheme: dark) { svg { --sheet: #121e27; --ink: #e3ebef; --soft: #a2b3bf; --rule: #293945;
  --c1: #58b5cf; --c2: #f28d7c; --c3: #e0ad4e; --c4: #6fc79a; } }
text { font: 12px system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; fill: var(--soft);
  font-variant-numeric: tabular-nums; }
.title { font-size: 15px; font-weight: 600; fill: var(--ink); }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.limit { stroke: var(--ink); stroke-width: 1.5; } .limit-name { fill: var(--ink); font-weight: 600; }
.name { font-weight: 600; } .dot { stroke: var(--sheet); stroke-width: 1; }
.s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); stroke-dasharray: 8 4; }
.s3 { stroke: var(--c3); stroke-dasharray: 2 4; } .s4 { stroke: var(--c4); stroke-dasharray: 10 3 2 3; }
.d1 { fill: var(--c1); } .d2 { fill: var(--c2); } .d3 { fill: var(--c3); } .d4 { fill: var(--c4); }
"""
SHADES = 4


class Line(NamedTuple):
    """One line: its name and its points; a point may lack its y."""

    name: str
    points: Sequence[tuple[float, float | None]]


class Limit(NamedTuple):
    """A horizontal line that the values are held against."""

    value: float
    name: str


@dataclass(frozen=True)
class Panel:
    """One plot: lines over a common x axis.

    Parameters
    ----------
    show
        Writes a y value with its unit.
    dots
        Mark the points, where there are few and each means something.
    """

    name: str
    lines: Sequence[Line]
    show: Callable[[float], str]
    limit: Limit | None = None
    log: bool = False
    dots: bool = False


def chart(
    title: str,
    panels: Sequence[Panel],
    x_name: str,
    *,
    show_x: Callable[[float], str] = lambda value: f"{value:g}",
    log_x: bool = False,
    height: int = 170,
) -> str:
    """Draw panels one below the other over the same x axis; returns a whole SVG file.

    Raises
    ------
    ValueError
        There is nothing to draw.
    """
    xs = [x for panel in panels for line in panel.lines for x, y in line.points if y is not None]
    if not xs:
        raise ValueError("nothing to draw: no line has a point")
    low, high = min(xs), max(xs)
    if log_x:
        low, high = low / 1.1, high * 1.1
    across = Axis(low, high if high > low else low + 1, LEFT, WIDTH - RIGHT, log_x)
    total = TOP + len(panels) * height + BOTTOM
    parts = [f'<text class="title" x="{LEFT}" y="22">{escape(title)}</text>']
    for index, panel in enumerate(panels):
        top = TOP + index * height
        parts += _panel(panel, across, top + 14, top + height - 18)
    base = total - BOTTOM - 18
    parts += [
        f'<text x="{across(tick):.1f}" y="{base + 18}" text-anchor="middle">{escape(show_x(tick))}</text>'
        for tick in across.ticks(7)
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{base + 40}" text-anchor="middle">{escape(x_name)}</text>')
    told = escape(f"{title}. " + " ".join(_told(panel) for panel in panels), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" height="{total}" '
        f'role="img" aria-label="{told}">\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(panel: Panel, across: Axis, top: float, base: float) -> list[str]:
    ys = [y for line in panel.lines for _, y in line.points if y is not None]
    if panel.limit:
        ys.append(panel.limit.value)
    if not ys:
        return [f'<text x="{LEFT}" y="{top}">{escape(panel.name)}: nothing was recorded</text>']
    if panel.log:
        smallest = min((y for y in ys if y > 0), default=1.0)
        up = Axis(smallest / 1.2, max(*ys, smallest) * 1.2, base, top, log=True)
    else:
        up = Axis(0.0, (max(ys) or 1.0) * 1.08, base, top)
    end = WIDTH - RIGHT
    parts = [f'<text class="name" x="{LEFT}" y="{top - 6}">{escape(panel.name)}</text>']
    for tick in up.ticks(4):
        y = up(tick)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(panel.show(tick))}</text>'
        )
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{end}" y1="{base}" y2="{base}"/>')
    if panel.limit:
        y = up(panel.limit.value)
        parts.append(
            f'<line class="limit" x1="{LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="limit-name" x="{end}" y="{y - 5:.1f}" text-anchor="end">{escape(panel.limit.name)}</text>'
        )
    for index, line in enumerate(panel.lines):
        parts += _line(line, index % SHADES + 1, across, up, dots=panel.dots)
    return parts + _legend(panel, top)


def _legend(panel: Panel, top: float) -> list[str]:
    if len(panel.lines) < 2:
        return []
    parts, x = [], WIDTH - RIGHT
    for index, line in reversed(list(enumerate(panel.lines))):
        x -= 7 * len(line.name) + 40
        parts.append(
            f'<line class="line s{index % SHADES + 1}" x1="{x}" x2="{x + 24}" y1="{top - 10}" y2="{top - 10}"/>'
            f'<text x="{x + 29}" y="{top - 6}">{escape(line.name)}</text>'
        )
    return parts


def _line(line: Line, shade: int, across: Axis, up: Axis, *, dots: bool) -> list[str]:
    steps, pen = [], "M"
    for x, y in line.points:
        if y is None:
            pen = "M"  # a gap in the data is a gap in the line
            continue
        steps.append(f"{pen}{across(x):.1f} {up(y):.1f}")
        pen = "L"
    parts = [f'<path class="line s{shade}" d="{" ".join(steps)}"/>'] if steps else []
    if dots:
        parts += [
            f'<circle class="dot d{shade}" cx="{across(x):.1f}" cy="{up(y):.1f}" r="3.5">'
            f"<title>{escape(line.name)}: {x:.4g}, {y:.4g}</title></circle>"
            for x, y in line.points
            if y is not None
        ]
    return parts


def _told(panel: Panel) -> str:
    """Say in words what the lines do, for readers who do not see them."""
    told = []
    for line in panel.lines:
        ys = [y for _, y in line.points if y is not None]
        if ys:
            told.append(
                f"{line.name} goes from {panel.show(ys[0])} to {panel.show(ys[-1])}, "
                f"between {panel.show(min(ys))} and {panel.show(max(ys))}"
            )
    return f"{panel.name}: {'; '.join(told)}."
