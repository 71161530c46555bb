"""Least privilege, prepared for the page: what roles are granted and used, what was refused, and where workloads go."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from loadtest.report.values import count, mapping, mappings, number, text
from rehearsal.report.records import RunRecord
from rehearsal.report.svg import Row, stacked_rows

PARTS = (("used", "bar-used"), ("reason", "bar-reason"), ("unused", "bar-unused"))
COLUMNS = ("grants", "used", "reason", "unused", "opens")
COMMON = "slipway-rehearsal-"
"""What the names of an environment's roles begin with: left out on the page."""


def privilege(run: RunRecord) -> dict[str, Any] | None:
    """Return the roles with a plot, the families of forbidden calls and the networks; None when nothing was proved."""
    data = run.data("prove")
    rows = mappings(data.get("roles"))
    if not rows:
        return None
    account = [row for row in rows if row.get("origin") == "bootstrap"]
    tried = mapping(data.get("forbidden"))
    controlled = mapping(tried.get("controlled"))
    return {
        "plots": [
            {"title": title, "plot": plot}
            for title, plot in (
                ("The environment's roles", granted_beside_used([row for row in rows if row not in account])),
                ("The pipeline's roles", granted_beside_used(account)),
            )
            if plot
        ],
        "rows": [[short(row.get("role")), *(count(_whole(row, name)) for name in COLUMNS)] for row in rows],
        "unused": sum(_whole(row, "unused") for row in rows),
        "calls": count(_whole(tried, "calls")),
        "controls": count(_whole(tried, "controls")),
        "families": [
            (text(name, 60), count(_whole(mapping(tried.get("families")), name)), count(_whole(controlled, name)))
            for name in mapping(tried.get("families"))
        ],
        "network": [
            {
                "kind": text(way.get("kind"), 30),
                "name": short(way.get("name")),
                "ways": ", ".join(text(one.get("service"), 60) for one in mappings(way.get("ways"))) or "nothing",
                "isolated": way.get("isolated") is True,
            }
            for way in mappings(data.get("network"))
        ],
    }


def granted_beside_used(rows: list[dict[str, Any]]) -> Markup:
    """Draw a bar for each role: its grants, by whether they were used."""
    drawn = [Row(short(row.get("role")), [(style, _whole(row, name)) for name, style in PARTS]) for row in rows]
    told = "; ".join(
        f"{row.name}: " + ", ".join(f"{n} {s.removeprefix('bar-')}" for s, n in row.parts) for row in drawn
    )
    return stacked_rows("Grants of each role", f"{told}.", drawn)


def short(name: Any) -> str:
    """A role's or workload's name without what all have in common."""
    return text(name, 120).removeprefix(COMMON)


def _whole(row: dict[str, Any], name: str) -> int:
    return int(number(row.get(name)) or 0)
