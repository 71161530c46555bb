"""The verdict: an objective's checks, prepared for a page. The report of a rehearsal shows them too."""

from __future__ import annotations

from typing import Any

from loadtest.report.values import count, mapping, mappings, milliseconds, number, percent, text

CHECKS = {
    "failures": "failed requests",
    "dropped": "requests that were not sent",
    "p95_ms": "95th percentile",
    "p99_ms": "99th percentile",
    "min_rps": "requests a second",
}


def objective(slo: Any) -> dict[str, Any]:
    """Return whether an objective was judged and kept, and its checks."""
    found = mapping(slo)
    return {
        "judged": isinstance(found.get("passed"), bool),
        "passed": found.get("passed") is True,
        "checks": [_check(check) for check in mappings(found.get("checks"))],
    }


def _check(check: dict[str, Any]) -> dict[str, Any]:
    name, limit, actual = text(check.get("name"), 40), number(check.get("limit")), number(check.get("actual"))
    show = milliseconds if name.endswith("_ms") else (lambda v: percent(v, 2)) if name == "failures" else count
    relation = "≥" if name == "min_rps" else "≤"
    return {
        "name": CHECKS.get(name, name),
        "limit": f"{relation}\N{NO-BREAK SPACE}{show(limit)}",
        "actual": show(actual) if actual is not None else "not measured",
        "passed": check.get("passed") is True,
    }
