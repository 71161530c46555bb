"""Schedule expressions: ``rate(5 minutes)``, ``cron(0 3 * * ? *)`` and ``at(2030-01-01T00:00:00)``.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_HORIZON_DAYS = 366 * 5


class ScheduleExpressionError(ValueError):
    """An expression that EventBridge would refuse."""


class _Cron(NamedTuple):
    minutes: set[int]
    hours: set[int]
    dates: str
    months: set[int]
    weekdays: str
    years: set[int]


def next_fire(expression: str, after: datetime, timezone: str = "UTC") -> datetime | None:
    """Return when a schedule fires next, strictly after ``after``; None when never.

    Parameters
    ----------
    after
        Aware time.
    timezone
        In which a cron or at expression is read.

    Raises
    ------
    ScheduleExpressionError
        For an expression that does not parse.
    """
    kind, _, rest = expression.strip().partition("(")
    inner = rest.removesuffix(")").strip()
    if kind == "rate":
        return after + timedelta(seconds=rate_seconds(inner, expression))
    if kind == "at":
        try:
            moment = datetime.fromisoformat(inner).replace(tzinfo=ZoneInfo(timezone))
        except ValueError as error:
            raise ScheduleExpressionError(f"{expression!r}: use at(yyyy-mm-ddThh:mm:ss)") from error
        return moment if moment > after else None
    if kind == "cron":
        return _next_cron(_parse(inner, expression), after, ZoneInfo(timezone))
    raise ScheduleExpressionError(f"{expression!r} is none of rate(...), cron(...), at(...)")


def rate_seconds(inner: str, expression: str = "") -> int:
    """Return the period of ``5 minutes`` in seconds."""
    match = re.fullmatch(r"(\d+)\s+(minute|hour|day)s?", inner)
    if match is None or int(match.group(1)) < 1:
        raise ScheduleExpressionError(f"{expression or inner!r}: use rate(N minutes|hours|days) with N of 1 or more")
    return int(match.group(1)) * _UNITS[match.group(2)]


def _parse(inner: str, expression: str) -> _Cron:
    fields = inner.upper().split()
    if len(fields) != 6:
        raise ScheduleExpressionError(f"{expression!r} has {len(fields)} fields: minute hour date month weekday year")
    minute, hour, dates, month, weekdays, year = fields
    if (dates == "?") == (weekdays == "?"):
        raise ScheduleExpressionError(f"{expression!r}: exactly one of date and weekday must be ?")
    try:
        return _Cron(
            _numbers(minute, 0, 59, {}),
            _numbers(hour, 0, 23, {}),
            dates,
            _numbers(month, 1, 12, _MONTHS),
            weekdays,
            _numbers(year, 1970, 2199, {}),
        )
    except ValueError as error:
        raise ScheduleExpressionError(f"{expression!r}: {error}") from error


def _numbers(text: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    """Return the numbers that a field of a cron expression means."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if first == "*":
            start, end = low, high
        else:
            start = names[first] if first in names else int(first)
            end = (names[last] if last in names else int(last)) if dash else (high if step else start)
        if not low <= start <= high or not low <= end <= high:
            raise ValueError(f"{part!r} is outside {low}-{high}")
        found |= set(range(start, end + 1, int(step or 1)))
    return found


def _next_cron(cron: _Cron, after: datetime, zone: ZoneInfo) -> datetime | None:
    local = after.astimezone(zone)
    day = local.date()
    times = sorted((hour, minute) for hour in cron.hours for minute in cron.minutes)
    for _ in range(_HORIZON_DAYS):
        if day.year in cron.years and day.month in cron.months and day.day in _dates(cron, day.year, day.month):
            for hour, minute in times:
                moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                if moment > after:
                    return moment.astimezone(UTC)
        day += timedelta(days=1)
    return None


def _dates(cron: _Cron, year: int, month: int) -> set[int]:
    """Return the days of one month on which the expression fires."""
    last = calendar.monthrange(year, month)[1]
    if cron.dates != "?":
        if cron.dates == "L":
            return {last}
        if cron.dates.endswith("W"):
            return {_nearest_weekday(year, month, int(cron.dates[:-1]), last)}
        return {day for day in _numbers(cron.dates, 1, 31, {}) if day <= last}
    weekday = {day: calendar.weekday(year, month, day) % 7 for day in range(1, last + 1)}
    numbered = {day: (value + 1) % 7 + 1 for day, value in weekday.items()}  # Sunday is 1
    if "#" in cron.weekdays:
        name, _, nth = cron.weekdays.partition("#")
        days = [day for day, value in numbered.items() if value in _numbers(name, 1, 7, _DAYS)]
        return set(days[int(nth) - 1 : int(nth)])
    if cron.weekdays.endswith("L"):
        wanted = _numbers(cron.weekdays[:-1] or "7", 1, 7, _DAYS)
        return {max(day for day, value in numbered.items() if value in wanted)}
    wanted = _numbers(cron.weekdays, 1, 7, _DAYS)
    return {day for day, value in numbered.items() if value in wanted}


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    day = min(day, last)
    weekday = calendar.weekday(year, month, day)
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < last else day - 2
    return day
