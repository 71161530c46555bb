"""What a run left on disk, read without trusting any of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.report.values import mapping, number, text
from rehearsal.stages import STAGES

# A record is a few hundred kilobytes at most; anything larger is not one, and would only exhaust the memory.
MAX_RECORD_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class StageRecord:
    """One stage as recorded. `status` is passed, failed, skipped, interrupted, unreadable or "not run"."""

    name: str
    status: str
    seconds: float | None = None
    evidence: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """True when the stage ran and passed."""
        return self.status == "passed"


@dataclass(frozen=True)
class RunRecord:
    """A run: its facts, every stage in order, and what could not be read."""

    folder: Path
    facts: dict[str, Any]
    stages: list[StageRecord]
    problems: list[str]

    def stage(self, name: str) -> StageRecord:
        """Return a stage by name; one that never ran has the status "not run"."""
        return next((stage for stage in self.stages if stage.name == name), StageRecord(name, "not run"))

    def data(self, name: str) -> dict[str, Any]:
        """Return what a stage recorded, empty where there is nothing."""
        return self.stage(name).data


def read_run(folder: Path) -> RunRecord:
    """Read `run.json` and the stage files of a run folder; what is missing or broken becomes a line in `problems`."""
    problems: list[str] = []
    facts = _read(folder / "run.json", folder, problems)
    found: dict[str, StageRecord] = {}
    for path in sorted((folder / "stages").glob("*.json")):
        name = path.stem.split("-", 1)[-1]
        before = len(problems)
        found[name] = _stage(name, _read(path, folder, problems), unreadable=len(problems) > before)
    told = facts.get("stages")
    of_run = [name for name in STAGES if name in found or not isinstance(told, list) or name in told]
    stages = [found.pop(name, StageRecord(name, "not run")) for name in of_run]
    run = RunRecord(folder, facts, [*stages, *found.values()], problems)
    _recover_load(run)
    return run


def _stage(name: str, record: dict[str, Any], *, unreadable: bool) -> StageRecord:
    if unreadable:
        return StageRecord(name, "unreadable", evidence="its record cannot be read")
    return StageRecord(
        name=name,
        status=text(record.get("status"), 20) or "unreadable",
        seconds=number(record.get("seconds")),
        evidence=text(record.get("evidence"), 6000),
        data=mapping(record.get("data")),
    )


def _recover_load(run: RunRecord) -> None:
    """A broken objective fails the stage before it records anything, and that is when its figures matter most."""
    load, path = run.stage("load"), run.folder / "load" / "load.json"
    if load.status == "failed" and not load.data and path.exists():
        load.data.update(_read(path, run.folder, run.problems))


def _read(path: Path, folder: Path, problems: list[str]) -> dict[str, Any]:
    name = path.relative_to(folder)
    try:
        if path.stat().st_size > MAX_RECORD_BYTES:
            problems.append(f"{name} is larger than {MAX_RECORD_BYTES:,} bytes and was not read")
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problems.append(f"{name} is missing")
        return {}
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{name} cannot be read: {text(str(error), 200)}")
        return {}
    if not isinstance(content, dict):
        problems.append(f"{name} holds no object, but {type(content).__name__}")
        return {}
    return content
