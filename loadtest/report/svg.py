"""Line plots as SVG by pure functions: numbers in, markup out. Colours come from the page's classes, so a plot follows
the reader's light or dark theme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from loadtest.axis import Axis

# Drawn for a column of about this width: text keeps its size on a desk and stays readable on a phone.
WIDTH, HEIGHT = 380, 220
LEFT, RIGHT, TOP, BOTTOM = 54, 18, 14, 38
# A limit this many times above the data would flatten it into the axis.
FARTHEST_LIMIT = 3.0
# Below this an axis would only show rounding.
SMALLEST_RANGE = 1e-9
# More points than this are not told from one another: the line alone is clearer.
MOST_DOTS = 40


class Line(NamedTuple):
    """One line of a chart. `style` is the CSS class that colours it, a point may lack its y.

    A `stepped` line holds each value until the next, as a count of instances does.
    """

    name: str
    style: str
    points: list[tuple[float, float | None]]
    stepped: bool = False


class Limit(NamedTuple):
    """A line across that the values are held against, and the interval that it lies in where it was measured itself."""

    value: float
    name: str
    low: float | None = None
    high: float | None = None


def line_chart(
    title: str,
    lines: Sequence[Line],
    x_name: str,
    show: Callable[[float], str],
    *,
    limit: Limit | None = None,
    highest: float | None = None,
    mark: Limit | None = None,
    bounds: Sequence[float] = (),
    ticks: Sequence[tuple[float, str]] = (),
    whole: bool = False,
    log_x: bool = False,
    log_y: bool = False,
) -> Markup:
    """Draw lines over a common axis, which starts at zero unless it is logarithmic.

    Parameters
    ----------
    show
        Writes a y value with its unit.
    limit
        Drawn across when it is near the data, and named above it otherwise.
    highest
        Top of the y axis where the quantity has one, such as 1 for a share.
    mark
        As `limit`, but upright: a value of x.
    bounds
        Where one part of the x axis ends and the next begins.
    ticks
        Values to name on the x axis, instead of round ones.
    whole
        Name whole values of y only, as of things that are counted.
    """
    xs = [x for line in lines for x, y in line.points if y is not None]
    ys = [y for line in lines for _, y in line.points if y is not None]
    if not ys:
        return Markup("")
    near = limit if limit and (log_y or limit.value <= FARTHEST_LIMIT * max(ys)) else None
    room = 1.25 if limit and not near else 1.08
    up = _upwards([*ys, *_values(near)], highest or max([*ys, *_values(near)]) * room, log=log_y)
    across = _across([*xs, *_values(mark), *(value for value, _ in ticks)], log=log_x)
    parts = [_band(near, (across.start, across.end), up) if near else "", _band(mark, across, (TOP, up.start))]
    parts += [*_bounds(bounds, across), grid(up, show, whole=whole), x_axis(across, x_name, named=ticks)]
    for line in lines:
        parts.extend(_line(line, across, up, x_name, show))
    # The limits come last: their names stay readable where a line crosses them.
    if limit:
        parts.append(_level(limit, up(limit.value) + _free_side(lines, across, up, up(limit.value)), up, out=not near))
    if mark:
        parts.append(_mark(mark, across))
    told = describe(lines, show) + "".join(f" {held.name}." for held in (limit, mark) if held)
    return drawing(title, told, parts)


def describe(lines: Sequence[Line], show: Callable[[float], str]) -> str:
    """Say in words what the lines do, for readers who do not see them."""
    told = []
    for line in lines:
        ys = [y for _, y in line.points if y is not None]
        if ys:
            told.append(f"{line.name} goes from {show(ys[0])} to {show(ys[-1])}, at most {show(max(ys))}")
    return "; ".join(told) + "."


def grid(up: Axis, show: Callable[[float], str], *, whole: bool = False) -> str:
    """Return horizontal lines with their values."""
    ticks = [tick for tick in up.ticks(4) if not whole or tick == int(tick)]
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        f'<text x="{LEFT - 7}" y="{up(tick) + 4:.1f}" text-anchor="end">{escape(show(tick))}</text>'
        for tick in ticks
    )


def x_axis(
    across: Axis,
    name: str,
    show: Callable[[float], str] = lambda value: f"{value:g}",
    *,
    named: Sequence[tuple[float, str]] = (),
) -> str:
    """Return the axis at the bottom with its name and round values, or the named ones."""
    base = HEIGHT - BOTTOM
    ticks = "".join(
        f'<text x="{min(across(tick), WIDTH - 4 - 3.2 * len(text)):.1f}" y="{base + 17}" text-anchor="middle">'
        f"{escape(text)}</text>"
        for tick, text in named or [(tick, show(tick)) for tick in across.ticks(6)]
    )
    middle = (LEFT + WIDTH - RIGHT) / 2
    label = f'<text class="axis-name" x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(name)}</text>'
    return f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>{ticks}{label}'


def drawing(title: str, description: str, parts: Sequence[str], height: int = HEIGHT) -> Markup:
    """Return the picture with its text; everything variable in `parts` is a number or has been escaped."""
    label = escape(f"{title}. {description}")
    body = "".join(parts)
    return Markup(f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{body}</svg>')  # noqa: S704


def _values(limit: Limit | None) -> list[float]:
    return [value for value in (limit.value, limit.low, limit.high) if value is not None] if limit else []


def _upwards(ys: list[float], top: float, *, log: bool) -> Axis:
    base = HEIGHT - BOTTOM
    if log:
        above = [value for value in ys if value > 0] or [1.0]
        return Axis(min(above) / 1.25, max(above) * 1.25, base, TOP, log=True)
    return Axis(0.0, top if top > SMALLEST_RANGE else 1.0, base, TOP)


def _across(xs: list[float], *, log: bool) -> Axis:
    low, high = min(xs), max(xs)
    if log:
        low, high = low / 1.08, high * 1.08
    return Axis(low, high if high > low else low + 1, LEFT, WIDTH - RIGHT, log)


def _bounds(bounds: Sequence[float], across: Axis) -> list[str]:
    return [
        f'<line class="bound" x1="{across(at):.1f}" x2="{across(at):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        for at in bounds
        if across.low < at < across.high
    ]


def _band(limit: Limit | None, across: Axis | tuple[float, float], up: Axis | tuple[float, float]) -> str:
    """Return the interval of a limit: along the axis that is given, from end to end of the other."""
    if limit is None or limit.low is None or limit.high is None:
        return ""
    left, right = across if isinstance(across, tuple) else (across(limit.low), across(limit.high))
    top, base = up if isinstance(up, tuple) else (up(limit.high), up(limit.low))
    return (
        f'<rect class="band" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 1):.1f}" '
        f'height="{max(base - top, 1):.1f}"><title>{escape(limit.name)}: between {limit.low:,.4g} and '
        f"{limit.high:,.4g}</title></rect>"
    )


def _level(limit: Limit, name_at: float, up: Axis, *, out: bool) -> str:
    end = WIDTH - RIGHT
    if out:
        name = f"↑ {escape(limit.name)}, off the scale"
        return f'<text class="limit-name" x="{end}" y="{TOP + 4}" text-anchor="end">{name}</text>'
    y = up(limit.value)
    return (
        f'<line class="limit" x1="{LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="limit-name" x="{end}" y="{name_at:.1f}" text-anchor="end">{escape(limit.name)}</text>'
    )


def _mark(mark: Limit, across: Axis) -> str:
    x = across(mark.value)
    anchor, shift = ("end", -6) if x > WIDTH / 2 else ("start", 6)
    return (
        f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="limit-name" x="{x + shift:.1f}" y="{HEIGHT - BOTTOM - 8}" text-anchor="{anchor}">'
        f"{escape(mark.name)}</text>"
    )


def _line(line: Line, across: Axis, up: Axis, x_name: str, show: Callable[[float], str]) -> list[str]:
    parts, steps, pen = [], [], "M"
    for x, y in line.points:
        if y is None:
            pen = "M"  # a gap in the data is a gap in the line
            continue
        if line.stepped and pen == "L":
            steps.append(f"H{across(x):.1f}")
        steps.append(f"{pen}{across(x):.1f} {up(y):.1f}")
        pen = "L"
    parts.append(f'<path class="line {escape(line.style)}" d="{" ".join(steps)}"/>')
    if len(line.points) > MOST_DOTS or line.stepped:
        return parts
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
