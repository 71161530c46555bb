"""Every plan judged by every control, and told: a table for people, SARIF and JUnit for machines."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml

from policies.control import Control
from policies.plan import Plan
from policies.registry import controls
from policies.reports import table, write_junit, write_markdown, write_sarif
from policies.resolve import CACHE
from policies.scan import Verdict, apply_waivers, never_evaluated, read_waivers, scan

WAIVERS = Path(__file__).resolve().parent / "waivers.yaml"
Write = Callable[[Path, Sequence[Verdict], Sequence[Control]], None]
REPORTS: dict[str, Write] = {"controls.sarif": write_sarif, "controls.xml": write_junit, "controls.md": write_markdown}
PATIENCE_S = 15.0  # CPU time that the scan of one environment may take once it is planned; a busy machine is no fault


def judge(plans: Mapping[str, Plan], today: datetime.date | None = None) -> tuple[list[Verdict], dict[str, float]]:
    """Every verdict, with the waived findings marked, and the CPU seconds that each plan took."""
    verdicts: list[Verdict] = []
    seconds = {}
    for name, plan in plans.items():
        begin = time.process_time()
        verdicts += scan(plan, controls())
        seconds[name] = time.process_time() - begin
    entries = yaml.safe_load(WAIVERS.read_text())["waivers"] or []
    waivers = read_waivers(entries, today or datetime.datetime.now(datetime.UTC).date())
    return apply_waivers(verdicts, waivers), seconds


def report_one(plan: Plan) -> bool:
    """Judge one plan without waivers and print what is wrong with it; returns whether everything passed."""
    verdicts = scan(plan, controls())
    for line in table(verdicts):
        print(line)
    return not any(verdict.faults for verdict in verdicts)


def report(verdicts: Sequence[Verdict], folder: Path = CACHE) -> bool:
    """Print the table and write the files; returns whether everything passed and every control had its say."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in REPORTS.items():
        write(folder / name, verdicts, controls())
    for line in table(verdicts):
        print(line)
    silent = never_evaluated(verdicts, controls())
    for name in silent:
        print(f"{name} judged nothing in any environment: either it looks past its resources, or it needs `unused`")
    return not silent and not any(verdict.outcome == "failed" for verdict in verdicts)
