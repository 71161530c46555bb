"""Recommended numbers beside those of an environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.capacity.recommend import Concurrency, Scaling
from loadtest.capacity.settings_file import Key, value_at
from loadtest.errors import LoadUsageError

TOLERANCE = 0.2
INSIDE = "concurrent_requests_per_model"


@dataclass(frozen=True)
class Row:
    """One setting: what stands there, what the measurement says, and why."""

    key: Key
    now: int | None
    wanted: int
    why: str

    @property
    def off(self) -> float | None:
        """How far the setting is from the recommendation, relative to it; None where nothing stands."""
        return None if self.now is None else (self.now - self.wanted) / self.wanted

    def agrees(self, tolerance: float) -> bool:
        """Say whether the two agree. A setting that is missing never does."""
        return self.off is not None and abs(self.off) <= tolerance + 1e-9


def endpoint(settings: Mapping[str, Any], workload: str, scaling: Scaling, why: Mapping[str, str]) -> list[Row]:
    """Compare an endpoint's scaling; what was not recommended is left out.

    So is a target for requests inside an instance where none is set: to track them at all is a decision, not a number.
    """
    base: Key = ("workloads", workload, "endpoint", "scaling")
    found = {"invocations_per_instance": scaling.target, "min": scaling.least, "max": scaling.most}
    if value_at(settings, (*base, INSIDE)) is not None:
        found[INSIDE] = scaling.inside
    return list(_rows(settings, base, found, why))


def function(
    settings: Mapping[str, Any], workload: str, name: str, found: Concurrency, why: Mapping[str, str]
) -> list[Row]:
    """Compare a function's concurrency; provisioned concurrency only where the function is not on demand."""
    base: Key = ("workloads", workload, "functions", name)
    rows = list(_rows(settings, base, {"reserved": found.reserved}, why))
    if value_at(settings, (*base, "on_demand")) is None:
        limits = {"min": found.provisioned_least, "max": found.provisioned_most}
        rows += _rows(settings, (*base, "provisioned"), limits, why)
    return rows


def table(rows: Sequence[Row], tolerance: float) -> str:
    """Lay rows out for a terminal."""
    head = ("setting", "now", "measured", "differs", "why")
    lines = [head, *((_name(r), _shown(r.now), f"{r.wanted:,}", _difference(r, tolerance), r.why) for r in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _rows(
    settings: Mapping[str, Any], base: Key, found: Mapping[str, int | None], why: Mapping[str, str]
) -> Iterable[Row]:
    for name, wanted in found.items():
        if wanted is None:
            continue
        now = value_at(settings, (*base, name))
        if now is not None and (isinstance(now, bool) or not isinstance(now, int)):
            raise LoadUsageError(".".join((*base, name)), now, "write a whole number")
        yield Row((*base, name), now, wanted, why.get(name, ""))


def _name(row: Row) -> str:
    return ".".join(row.key[2:])


def _shown(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _difference(row: Row, tolerance: float) -> str:
    if row.off is None:
        return "MISSING"
    return f"{row.off:+.0%}" + ("" if row.agrees(tolerance) else " OFF")
