"""Which group a row belongs to, for the metrics of bias."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.monitoring.columns import as_text, present_number
from training.monitoring.errors import MonitoringError

if TYPE_CHECKING:
    from training.monitoring.columns import Value

_RULE = re.compile(r"(?P<column>[^=<>]+?)\s*(?P<sign>>=|=)\s*(?P<value>.+)")


@dataclass(frozen=True)
class Facet:
    """The favoured group: rows with one of some values in a column, or with at least a number."""

    column: str
    values: frozenset[str] = frozenset()
    least: float | None = None
    group: str | None = None

    def favoured(self, value: Value) -> bool | None:
        """Whether a row with this value belongs to the favoured group; None when the value does not say."""
        if value is None or value == "":
            return None
        if self.least is None:
            return as_text(value) in self.values
        number = present_number(value)
        return None if number is None else number >= self.least


def parse(rule: str, group: str | None = None) -> Facet:
    """`column=a|b` or `column>=10`."""
    found = _RULE.fullmatch(rule.strip())
    if not found:
        raise MonitoringError("facet", rule, "write it like sex=male or age>=40 or city=Rome|Milan")
    if found["sign"] == "=":
        return Facet(found["column"], frozenset(value.strip() for value in found["value"].split("|")), None, group)
    if (least := present_number(found["value"])) is None:
        raise MonitoringError("facet", rule, "needs a number after >=")
    return Facet(found["column"], frozenset(), least, group)
