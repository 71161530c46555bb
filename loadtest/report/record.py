"""What a load test has left on disk, read with care: a report must come out of a record that is odd, too."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtest.report.values import mapping, mappings, number, text


@dataclass(frozen=True)
class Load:
    """A load test, and what was derived from it.

    Attributes
    ----------
    facts
        The result as it stands in `load.json`.
    steps
        Levels of load as they came; the whole test where there was one level.
    levels
        The same by rising load.
    samples
        Each measured second.
    capacity
        Knee and comparison with the settings, empty where none was made.
    problems
        What could not be read.
    """

    facts: dict[str, Any]
    capacity: dict[str, Any]
    problems: list[str] = field(default_factory=list)

    @property
    def steps(self) -> list[dict[str, Any]]:
        return mappings(self.facts.get("steps")) or [self.facts]

    @property
    def levels(self) -> list[dict[str, Any]]:
        key = "users" if self.users_are_steps else "offered_rps"
        return sorted(self.steps, key=lambda step: number(step.get(key)) or 0.0)

    @property
    def judged(self) -> dict[str, Any]:
        """The level that the objective was held against; the whole test where it was none by itself."""
        index = number(self.facts.get("judged_step"))
        return self.facts if index is None or not 0 <= index < len(self.steps) else self.steps[int(index)]

    @property
    def samples(self) -> list[dict[str, Any]]:
        return mappings(self.facts.get("samples"))

    @property
    def open(self) -> bool:
        """Whether requests were sent at set times, whatever the answers did."""
        return text(self.facts.get("arrivals")) == "open"

    @property
    def objective(self) -> dict[str, Any]:
        return mapping(self.facts.get("slo"))

    @property
    def p95_ms(self) -> float | None:
        """Limit of the 95th percentile, where one was set."""
        return number(self.objective.get("p95_ms"))

    @property
    def users_are_steps(self) -> bool:
        """Whether the steps differ by their users, not by a rate that was set."""
        return all(number(step.get("offered_rps")) is None for step in self.steps)


def read(result: Path, capacity: Path | None = None) -> Load:
    """Read `load.json` and what the capacity model wrote about it."""
    problems: list[str] = []
    facts = _document(result, problems)
    if facts:
        ended = datetime.fromtimestamp(result.stat().st_mtime, UTC)
        facts["ended"] = ended.isoformat(timespec="seconds")
    return Load(facts, _document(capacity, problems) if capacity else {}, problems)


def _document(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"{path.name} cannot be read: {error}")
        return {}
    if not isinstance(found, dict):
        problems.append(f"{path.name} holds no object")
    return mapping(found)
